/**
 * `npm run bench [-- --rounds 5 --rows 50000 --dimension 768 --queries 500]`: this project's engine beside FAISS from
 * Python and from Node, in one run, in alternating order, one thread each. Prints tables; writes JSON and SVG to
 * artifacts/bench/.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nodeCommand } from '../scripts/stack/process.ts';
import { pythonPackages } from '../scripts/setup/python-packages.ts';
import { releaseData, syntheticData } from './data.ts';
import type { Engine } from './engine.ts';
import { startEngine } from './engine.ts';
import { measureFlat, measureSearch } from './search.ts';
import { printTable } from './table.ts';
import { barChart } from './chart.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DATA = join(ROOT, '.data/bench');
const RESULTS = join(ROOT, 'artifacts/bench');

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    rows: { type: 'string', default: '50000' },
    dimension: { type: 'string', default: '768' },
    queries: { type: 'string', default: '500' },
  },
});
const numbers = Object.fromEntries(
  Object.entries(values).map(([name, text]) => [name, Number(text)]),
) as Record<keyof typeof values, number>;
for (const [name, number] of Object.entries(numbers)) {
  if (Number.isInteger(number) && number > 0) continue;
  console.error(`--${name} must be a positive whole number, not ${values[name as keyof typeof values]}`);
  process.exit(2);
}

const packages = await pythonPackages(join(ROOT, 'bench/requirements.txt'), DATA);
const sets = [
  await syntheticData(DATA, numbers.rows, numbers.dimension, numbers.queries),
  await releaseData(DATA, join(ROOT, 'artifacts/releases/v-1'), numbers.queries),
];
const engines = startEngines(packages);
try {
  const results = [];
  for (const set of sets) {
    const search = await measureSearch(engines, set, numbers.rounds);
    printTable(`IVF-Flat, ${set.name}, one query at a time, k 10; ms`, search);
    const flat = await measureFlat(engines, set, Math.min(3, numbers.rounds));
    printTable(`FLAT truth, ${set.name}, ${set.queries} queries, k 10; ms a query`, flat);
    results.push({ set, search, flat });
  }
  await mkdir(RESULTS, { recursive: true });
  const report = { machine: cpus()[0]?.model ?? '', cores: cpus().length, ...numbers, results };
  await writeFile(join(RESULTS, 'search.json'), `${JSON.stringify(report, null, 1)}\n`);
  for (const [i, { set, search }] of results.entries())
    await writeFile(join(RESULTS, `search-${i + 1}.svg`), barChart(`p50 of a search, ${set.name}`, search));
  console.log(`\nwritten: ${RESULTS}`);
} finally {
  for (const engine of engines) engine.close();
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
