import { join } from 'node:path';
import { ROOT, nodeCommand } from '../../scripts/stack/process.ts';
import { barChart } from '../chart.ts';
import { releaseData } from '../data.ts';
import type { Engine } from '../engine.ts';
import { startEngine } from '../engine.ts';
import type { Row } from '../search.ts';
import { measureFlat, measureSearch } from '../search.ts';
import { printTable, whole } from '../table.ts';
import type { PartOptions } from './part.ts';
import { DATA, dataOf, installPeers, writeResults } from './part.ts';

const HEAD = ['', 'engine', 'p50', 'p95', 'p99', 'queries/s', 'of faiss-cpu', 'other ids'];

/** This project's engine beside FAISS from Python and from Node, one thread each. */
export async function runSearch(options: PartOptions): Promise<void> {
  const { rounds, queries, onEnd } = options;
  const packages = await installPeers();
  const sets = [
    await dataOf(options),
    await releaseData(DATA, join(ROOT, 'artifacts/releases/v-1'), queries),
  ];
  const engines = startEngines(packages);
  for (const engine of engines) onEnd(() => engine.close());
  const results = [];
  const charts: Record<string, string> = {};
  for (const [i, set] of sets.entries()) {
    const search = await measureSearch(engines, set, rounds);
    print(`IVF-Flat, ${set.name}, one query at a time, k 10; ms`, search);
    const flat = await measureFlat(engines, set, Math.min(3, rounds));
    print(`FLAT truth, ${set.name}, ${set.queries} queries, k 10; ms a query`, flat);
    results.push({ set, search, flat });
    const bars = search.map(({ what, engine, p50 }) => ({
      group: what,
      series: engine,
      value: p50,
      text: `${p50.toFixed(3)} ms`,
    }));
    charts[`search-${i + 1}`] = barChart(`p50 of a search, ${set.name}`, bars);
  }
  for (const engine of engines) engine.close();
  await writeResults('search', options, { results }, charts);
}

/** The first is ours; the second is what the others are measured against. */
function startEngines(pythonPath: string): Engine[] {
  const node = (name: string) => nodeCommand(`bench/engines/${name}`) as [string, ...string[]];
  return [
    startEngine('this engine, from JavaScript', node('ours')),
    startEngine('faiss-cpu, from Python', ['python3', join(ROOT, 'bench/engines/faiss_cpu.py')], {
      PYTHONPATH: pythonPath,
      PYTHONDONTWRITEBYTECODE: '1',
    }),
    startEngine('faiss-node', node('faiss-node')),
  ];
}

/** The first cell of a group of the same measurement names it once. */
function print(title: string, rows: readonly Row[]): void {
  const cells = rows.map(({ what, engine, p50, p95, p99, qps, ratio, differing }, i) => [
    rows[i - 1]?.what === what ? '' : what,
    engine,
    p50.toFixed(3),
    p95.toFixed(3),
    p99.toFixed(3),
    whole(qps),
    ratio.toFixed(2),
    String(differing),
  ]);
  printTable(title, HEAD, cells, 2);
}
