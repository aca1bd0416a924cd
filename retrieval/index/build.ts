import { execFile } from 'node:child_process';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { moduleCommand } from '../../platform/node-command.ts';
import { formatNpy } from '../release/npy.ts';
import type { FaissTask } from './faiss-task.ts';
import { openIndex } from './open.ts';

export interface IndexBuild {
  readonly dimension: number;
  /** n*dimension floats; row i becomes id i in both indexes. */
  readonly vectors: Float32Array<ArrayBuffer>;
  readonly nlist: number;
  /** Written into the IVF file, as what a reader that sets nothing looks into. */
  readonly nprobe: number;
}

/** Lists of an IVF index over n rows: about √n, and at least 39 rows a list, below which FAISS' k-means complains. */
export function listCount(n: number): number {
  return Math.max(1, Math.min(Math.round(Math.sqrt(n)), Math.floor(n / 39)));
}

/** How unequal the lists of an index are. */
export interface Balance {
  /** FAISS's imbalance factor: 1 where all lists are equal, 2 where a search reads twice as much. */
  readonly imbalance: number;
  /** The longest list as a multiple of the mean. */
  readonly longestTimesMean: number;
}

export interface BalancedIvf extends Balance {
  readonly nlist: number;
  /** Imbalance of each start, in their order; the least one's index was kept. */
  readonly starts: readonly number[];
}

/**
 * Writes p_flat_ip.faiss and p_ivf.faiss (inner product) into `dir`. The same input gives the same bytes.
 * @throws Error with FAISS' own words
 */
export async function buildIndexes(dir: string, build: IndexBuild): Promise<void> {
  const { nlist, nprobe } = build;
  await withVectors(build, async (run) => {
    await run(
      { kind: 'flat', file: join(dir, 'p_flat_ip.faiss') },
      { kind: 'train', file: join(dir, 'p_ivf.faiss'), nlist, nprobe, start: 0 },
    );
  });
}

/**
 * Writes an IVF index whose k-means was started so often from other rows, and of which the most balanced is kept.
 * Starts differ in which rows are the first centroids; the first one is that of buildIndexes. The same input gives the
 * same bytes.
 * @throws Error with FAISS' own words
 */
export async function buildBalancedIvf(
  file: string,
  build: IndexBuild,
  starts: number,
  onStart?: (start: number) => void,
): Promise<BalancedIvf> {
  const { nlist, nprobe } = build;
  let best: Balance | null = null;
  const imbalances: number[] = [];
  await withVectors(build, async (run) => {
    for (let start = 0; start < starts; start++) {
      onStart?.(start);
      // Of this process alone: one that was killed may have left another that still writes.
      const tried = `${file}.${process.pid}.part`;
      await run({ kind: 'train', file: tried, nlist, nprobe, start });
      const balance = await balanceOf(tried);
      imbalances.push(balance.imbalance);
      if (best !== null && balance.imbalance >= best.imbalance) await rm(tried);
      else {
        await rename(tried, file);
        best = balance;
      }
    }
  });
  if (best === null) throw new RangeError(`${starts} starts give no index`);
  return { nlist, starts: imbalances, ...(best as Balance) };
}

/**
 * Writes an IVF index of these rows on the lists that another one was trained to: quicker than training, and as good
 * while the rows are much like those.
 * @throws Error with FAISS' own words
 */
export async function refillIvf(
  file: string,
  from: string,
  build: Omit<IndexBuild, 'nlist'>,
): Promise<Balance> {
  await withVectors(build, (run) => run({ kind: 'refill', file, from, nprobe: build.nprobe }));
  return balanceOf(file);
}

async function balanceOf(file: string): Promise<Balance> {
  const index = await openIndex(file);
  try {
    const { imbalance, listSizes, rows } = index.statistics();
    if (imbalance === null || listSizes === null) throw new Error(`${file} has no lists or no rows`);
    return { imbalance, longestTimesMean: Math.max(...listSizes) / (rows / listSizes.length) };
  } finally {
    index.close();
  }
}

/** Lends the rows as a file to processes that build. */
async function withVectors(
  { vectors, dimension }: Pick<IndexBuild, 'vectors' | 'dimension'>,
  use: (run: (...tasks: FaissTask[]) => Promise<void>) => Promise<void>,
): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'faiss-build-'));
  try {
    const file = join(work, 'vectors.npy');
    await writeFile(file, formatNpy({ shape: [vectors.length / dimension, dimension], data: vectors }));
    const [command, ...args] = moduleCommand('retrieval/index/faiss-build-main');
    await use(async (...tasks) => {
      await promisify(execFile)(command, [...args, file, JSON.stringify(tasks)], {
        env: { ...process.env, OMP_NUM_THREADS: '1' },
      });
    });
  } finally {
    await rm(work, { recursive: true });
  }
}
