import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { pythonPackages } from '../../scripts/setup/python-packages.ts';
import { ROOT } from '../../platform/node-command.ts';
import type { DataSet } from '../data.ts';
import { syntheticData } from '../data.ts';
import { compiledServices } from '../http/compiled.ts';
import type { Setting } from '../http/services.ts';
import { benchRelease } from '../release/release.ts';

/** What one part of the benchmarks is run with. */
export interface PartOptions {
  readonly rounds: number;
  readonly rows: number;
  readonly dimension: number;
  readonly queries: number;
  /** Of each rate that is tried. */
  readonly seconds: number;
  /** Hears of everything that has to be ended, whatever becomes of the run. */
  readonly onEnd: (close: () => void | Promise<void>) => void;
}

/** Data sets, releases and the peers' packages: made once. */
export const DATA = join(ROOT, '.data/bench');

export function installPeers(): Promise<string> {
  return pythonPackages(join(ROOT, 'bench/requirements.txt'), DATA);
}

export function dataOf({ rows, dimension, queries }: PartOptions): Promise<DataSet> {
  return syntheticData(DATA, rows, dimension, queries);
}

/** What services are started with: the release of the data set, the peers' packages. */
export async function settingOf(options: PartOptions): Promise<Setting> {
  const packages = await installPeers();
  const ours = await compiledServices(join(DATA, 'dist'));
  return { release: await benchRelease(await dataOf(options)), ours, packages, onEnd: options.onEnd };
}

/** Writes artifacts/bench/<name>.json with the machine and the options, and the charts beside it. */
export async function writeResults(
  name: string,
  { rounds, seconds, rows, dimension, queries }: PartOptions,
  results: object,
  charts: Readonly<Record<string, string>>,
): Promise<void> {
  const folder = join(ROOT, 'artifacts/bench');
  await mkdir(folder, { recursive: true });
  const machine = { machine: cpus()[0]?.model ?? '', cores: cpus().length };
  const report = { ...machine, rounds, seconds, rows, dimension, queries, ...results };
  await writeFile(join(folder, `${name}.json`), `${JSON.stringify(report, null, 1)}\n`);
  for (const [chart, svg] of Object.entries(charts)) await writeFile(join(folder, `${chart}.svg`), svg);
  console.log(`\nwritten: ${join(folder, name)}.json`);
}
