import { join } from 'node:path';
import { nodeCommand } from '../../devstack/process.ts';
import { ROOT } from '../../platform/node-command.ts';
import { readBandwidth } from '../bandwidth.ts';
import { barChart } from '../chart.ts';
import { releaseData } from '../data.ts';
import type { Engine } from '../engine.ts';
import { startEngine } from '../engine.ts';
import type { Row } from '../search.ts';
import { measureFlat, measureSearch } from '../search.ts';
import { printTable, whole } from '../table.ts';
import type { Target } from '../targets.ts';
import { printTargets } from '../targets.ts';
import type { PartOptions } from './part.ts';
import { DATA, dataOf, installPeers, writeResults } from './part.ts';

const HEAD = ['', 'engine', 'p50', 'p95', 'p99', 'queries/s', 'of faiss-cpu', 'other ids'];

/** As JavaScript sees it: the call, the scan on the pool, the promise. */
export const OURS = 'this engine, from JavaScript';
/** What all are measured against: the second of the engines. */
export const PEER = 'faiss-cpu, from Python';
/** The scan alone, on its thread. */
const NATIVE = 'this engine, the scan alone';
const FAISS_NODE = 'faiss-node';
const ENGINES = [OURS, PEER, NATIVE, FAISS_NODE];

/** This project's engine beside FAISS from Python and from Node, one thread each. */
export async function runSearch(options: PartOptions): Promise<void> {
  const { rounds, queries, onEnd } = options;
  const packages = await installPeers();
  const sets = [
    await dataOf(options),
    await releaseData(DATA, join(ROOT, 'artifacts/releases/v-1'), queries),
  ];
  const engines = startSearchEngines(packages);
  for (const engine of engines) onEnd(() => engine.close());
  const results = [];
  const charts: Record<string, string> = {};
  for (const [i, set] of sets.entries()) {
    const search = await measureSearch(engines, set, rounds);
    printRows(`IVF-Flat, ${set.name}, one query at a time, k 10; ms`, search);
    const flat = await measureFlat(engines, set, Math.min(3, rounds));
    printRows(`FLAT truth, ${set.name}, ${set.queries} queries, k 10; ms a query`, flat);
    const targets = i === 0 ? targetsOf(search, flat) : [];
    printTargets(targets);
    results.push({ set, search, flat, targets });
    const bars = search.map(({ what, engine, p50 }) => ({
      group: what,
      series: engine,
      value: p50,
      text: `${p50.toFixed(3)} ms`,
    }));
    charts[`search-${i + 1}`] = barChart(`p50 of a search, ${set.name}`, bars);
  }
  for (const engine of engines) engine.close();
  const bandwidth = readBandwidth();
  console.log(`\none core reads ${bandwidth.toFixed(1)} GB/s from memory (memcmp of two large buffers)`);
  await writeResults('search', options, { bandwidth, results }, charts);
}

/** Starts these of the engines, in their order. */
export function startSearchEngines(pythonPath: string, names: readonly string[] = ENGINES): Engine[] {
  const node = (name: string, ...rest: string[]) => nodeCommand(`bench/engines/${name}`, ...rest);
  const python = { PYTHONPATH: pythonPath, PYTHONDONTWRITEBYTECODE: '1' };
  const start: Record<string, () => Engine> = {
    [OURS]: () => startEngine(OURS, node('ours')),
    [PEER]: () => startEngine(PEER, ['python3', join(ROOT, 'bench/engines/faiss_cpu.py')], python),
    [NATIVE]: () => startEngine(NATIVE, node('ours', '--clock', 'scan')),
    [FAISS_NODE]: () => startEngine(FAISS_NODE, node('faiss-node')),
  };
  return names.flatMap((name) => start[name]?.() ?? []);
}

function targetsOf(search: readonly Row[], flat: readonly Row[]): Target[] {
  const ratio = (rows: readonly Row[], what: string, limit: number): Target => ({
    what: `p50 of a search over faiss-cpu's, 50,000 x 768, ${what}:`,
    limit,
    sense: 'at most',
    value: rows.find((row) => row.what === what && row.engine === OURS)?.ratio ?? null,
    unit: ' x',
  });
  const differing = [...search, ...flat].filter(({ engine }) => engine === OURS || engine === NATIVE);
  return [
    ratio(search, 'nprobe 8', 0.6),
    ratio(search, 'nprobe 16', 0.45),
    ratio(flat, 'one at a time', 0.4),
    ratio(flat, 'in one call', 1),
    {
      what: 'results that are not those of faiss-cpu:',
      limit: 0,
      sense: 'at most',
      value: differing.reduce((sum, row) => sum + row.differing, 0),
      unit: '',
    },
  ];
}

/** The first cell of a group of the same measurement names it once. */
export function printRows(title: string, rows: readonly Row[]): void {
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
