import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Scoring } from './shard.ts';
import type { Run } from './world/run.ts';

/** All runs, by so many processes. Sorted, so that the order in which they end does not matter. */
export async function score(scoring: Scoring, processes: number): Promise<readonly Run[]> {
  const shards = Array.from({ length: processes }, (_, shard) => runProcess(scoring, shard, processes));
  const runs = (await Promise.all(shards)).flat();
  return runs.toSorted((a, b) => a.kind.localeCompare(b.kind) || a.seed - b.seed);
}

async function runProcess(scoring: Scoring, shard: number, of: number): Promise<Run[]> {
  const child = fork(join(import.meta.dirname, 'shard-main.ts'), { execArgv: ['--import', 'tsx'] });
  const runs: Run[] = [];
  child.on('message', (all: Run[]) => runs.push(...all));
  child.send({ scoring, shard, of });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0)
    throw new Error(
      `shard ${shard} of ${of}: ended with ${code}, must be 0; run it alone with --processes 1`,
    );
  return runs;
}
