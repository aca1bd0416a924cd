import type { NprobeTrial } from '../../domain/nprobe-choice.ts';
import type { Interval } from '../../domain/stats.ts';
import { seededRandom } from '../build/random.ts';
import type { NativeIndex } from '../index/open.ts';
import type { FloatArray } from '../release/npy.ts';

export interface SweepOptions {
  readonly nprobes: readonly number[];
  /** Depth of recall; 10 where absent. */
  readonly k?: number;
  /** Each nprobe is tried at least so often; a multiple of their number, so that each has each place once. */
  readonly repeats?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** One nprobe's numbers; intervals are 95 %. */
export interface SweepTrial extends NprobeTrial {
  /** Share of FLAT's k that IVF found. */
  readonly recall: number;
  readonly deltaInterval: Interval;
  readonly p50Ms: number;
  readonly p95Interval: Interval;
  readonly repeats: number;
  /** How many of FLAT's k were found, query by query. */
  readonly found: readonly number[];
}

const RESAMPLES = 500;
const LEAST_REPEATS = 4;

/**
 * Recall@k of IVF against FLAT, and the latency of one search at a time, at each nprobe. Trials are interleaved: the
 * order turns by one place each round, so that what drifts with time (heat, neighbours) meets all of them alike; a
 * round before the first warms up and is not counted. Intervals are a bootstrap over queries, each with all its rounds.
 * @throws RangeError if the indexes differ in rows or dimension, or there is no query or nprobe
 */
export async function sweepNprobe(
  ivf: NativeIndex,
  flat: NativeIndex,
  queries: readonly Float32Array[],
  { nprobes, k = 10, repeats = LEAST_REPEATS, onProgress }: SweepOptions,
): Promise<SweepTrial[]> {
  if (ivf.dimension !== flat.dimension || ivf.ntotal !== flat.ntotal)
    throw new RangeError(
      `IVF has ${ivf.ntotal} rows of ${ivf.dimension} dimensions, FLAT has ${flat.ntotal} of ${flat.dimension}`,
    );
  if (queries.length === 0 || nprobes.length === 0) throw new RangeError('a sweep needs queries and nprobes');
  const rounds = Math.ceil(repeats / nprobes.length) * nprobes.length;
  const total = (rounds + 1) * nprobes.length;
  const truth: Set<bigint>[] = [];
  for (const query of queries) truth.push(new Set((await flat.search(query, k, 1)).ids));
  const trials = nprobes.map((nprobe) => ({
    nprobe,
    found: [] as number[],
    ms: queries.map((): number[] => []),
  }));
  for (let round = -1; round < rounds; round++) {
    for (let place = 0; place < trials.length; place++) {
      const trial = trials[(round + 1 + place) % trials.length];
      if (trial === undefined) continue;
      const timed = await searchAll(ivf, queries, truth, { nprobe: trial.nprobe, k });
      trial.found = timed.found;
      if (round >= 0) for (const [i, ms] of timed.ms.entries()) trial.ms[i]?.push(ms);
      onProgress?.((round + 1) * trials.length + place + 1, total);
    }
  }
  const possible = Math.min(k, flat.ntotal);
  return trials.map((trial) => summarise(trial, possible, rounds));
}

/** Query vectors of an array of n x d, or of contexts n x 5 x d, of which the last chunk asks; evenly chosen, at most `n`. */
export function sweepQueries({ shape, data }: FloatArray, n: number): Float32Array[] {
  const [rows = 0] = shape;
  const dimension = shape.at(-1) ?? 0;
  if (shape.length < 2 || shape.length > 3 || rows === 0)
    throw new RangeError(`queries have shape ${shape.join(' x ')}, not n x d or n x 5 x d`);
  const stride = data.length / rows;
  const count = Math.min(n, rows);
  return Array.from({ length: count }, (_, i) => {
    const end = (Math.floor((i * rows) / count) + 1) * stride;
    return data.subarray(end - dimension, end);
  });
}

async function searchAll(
  ivf: NativeIndex,
  queries: readonly Float32Array[],
  truth: readonly ReadonlySet<bigint>[],
  { nprobe, k }: { readonly nprobe: number; readonly k: number },
): Promise<{ found: number[]; ms: number[] }> {
  const found: number[] = [];
  const ms: number[] = [];
  for (const [i, query] of queries.entries()) {
    const begin = performance.now();
    const { ids } = await ivf.search(query, k, nprobe);
    ms.push(performance.now() - begin);
    found.push(ids.reduce((count, id) => count + Number(id >= 0n && truth[i]?.has(id) === true), 0));
  }
  return { found, ms };
}

function summarise(
  { nprobe, found, ms }: { nprobe: number; found: readonly number[]; ms: readonly (readonly number[])[] },
  possible: number,
  repeats: number,
): SweepTrial {
  const n = found.length;
  const deltaOf = (rows: readonly number[]) =>
    100 * (rows.reduce((sum, row) => sum + (found[row] ?? 0), 0) / (n * possible) - 1);
  const latency = (rows: readonly number[], share: number) =>
    quantile(
      rows.flatMap((row) => ms[row] ?? []),
      share,
    );
  const all = [...found.keys()];
  const random = seededRandom(1);
  const drawn = Array.from({ length: RESAMPLES }, () => all.map(() => Math.floor(random() * n)));
  const interval = (of: (rows: readonly number[]) => number): Interval => {
    const values = drawn.map(of);
    return { low: quantile(values, 0.025), high: quantile(values, 0.975) };
  };
  const deltaPoints = deltaOf(all);
  return {
    nprobe,
    recall: 1 + deltaPoints / 100,
    deltaPoints,
    deltaInterval: interval(deltaOf),
    p50Ms: latency(all, 0.5),
    p95Ms: latency(all, 0.95),
    p95Interval: interval((rows) => latency(rows, 0.95)),
    repeats,
    found,
  };
}

/** The smallest value that at least that share does not exceed. */
function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).toSorted();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}
