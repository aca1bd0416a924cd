import { barChart } from '../chart.ts';
import { syntheticData } from '../data.ts';
import { compareSearch } from '../search.ts';
import type { PartOptions } from './part.ts';
import { DATA, installPeers, writeResults } from './part.ts';
import { OURS, PEER, printRows, startSearchEngines } from './search.ts';

const ROWS = [10_000, 30_000, 100_000, 300_000];
/** Half of the other parts': FAISS for Node takes vectors as lists of numbers, which V8 cannot make longer. */
const DIMENSION = 384;
const NPROBE = 8;

/** Search at nprobe 8 over indexes that grow, with lists as a release has them. */
export async function runGrowth(options: PartOptions): Promise<void> {
  const engines = startSearchEngines(await installPeers(), [OURS, PEER]);
  for (const engine of engines) options.onEnd(() => engine.close());
  const rows = [];
  for (const count of ROWS) {
    const set = await syntheticData(DATA, count, DIMENSION, options.queries);
    const what = `${count.toLocaleString('en')} rows`;
    rows.push(...(await compareSearch(engines, set, NPROBE, what, options.rounds)));
  }
  for (const engine of engines) engine.close();
  printRows(
    `IVF-Flat of synthetic vectors x ${DIMENSION}, nprobe ${NPROBE}, one query at a time, k 10; ms`,
    rows,
  );
  const bars = rows.map(({ what, engine, p50 }) => ({
    group: what,
    series: engine,
    value: p50,
    text: `${p50.toFixed(3)} ms`,
  }));
  await writeResults(
    'growth',
    options,
    { rows },
    { growth: barChart('p50 of a search as the index grows', bars) },
  );
}
