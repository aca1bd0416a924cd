import type { TrialSummary } from '../../domain/tuning/choose-nprobe.ts';
import type { Interval } from '../../domain/statistics/proportion.ts';
import { seededRandom } from '../build/random.ts';
import type { NativeIndex } from '../index/open.ts';
import type { FloatArray } from '../release/npy.ts';

/** Ids of rows or of chunks. */
type Id = bigint | string;

/** What is swept: queries 0 .. n-1, asked one at a time. */
export interface SweepTarget {
  readonly queries: number;
  /** The ids that an exact search finds, at most k; never more than a swept search could. */
  exact(query: number): Promise<readonly Id[]>;
  /** What a search at that nprobe finds, and how long it took. */
  search(query: number, nprobe: number): Promise<{ readonly ids: readonly Id[]; readonly ms: number }>;
}

export interface SweepOptions {
  readonly nprobes: readonly number[];
  /** Each nprobe is tried at least so often; a multiple of their number, so that each has each place once. */
  readonly repeats?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** One nprobe's numbers. */
export interface SweepTrial extends TrialSummary {
  /** How many of FLAT's k were found, query by query. */
  readonly found: readonly number[];
}

const RESAMPLES = 500;
const LEAST_REPEATS = 4;

/**
 * Recall@k against an exact search, and the latency of one search at a time, at each nprobe. Trials are interleaved: the
 * order turns by one place each round, so that what drifts with time (heat, neighbours) meets all of them alike; a
 * round before the first warms up and is not counted. Intervals are a bootstrap over queries, each with all its rounds.
 * @throws RangeError if there is no query or nprobe, or no exact search finds anything
 */
export async function sweepNprobe(
  target: SweepTarget,
  { nprobes, repeats = LEAST_REPEATS, onProgress }: SweepOptions,
): Promise<SweepTrial[]> {
  if (target.queries === 0 || nprobes.length === 0) throw new RangeError('a sweep needs queries and nprobes');
  const rounds = Math.ceil(repeats / nprobes.length) * nprobes.length;
  const total = (rounds + 1) * nprobes.length;
  const queries = [...Array(target.queries).keys()];
  const truth: Set<Id>[] = [];
  for (const query of queries) truth.push(new Set(await target.exact(query)));
  const possible = truth.map(({ size }) => size);
  if (possible.every((size) => size === 0)) throw new RangeError('the exact search finds nothing');
  const trials = nprobes.map((nprobe) => ({
    nprobe,
    found: [] as number[],
    ms: queries.map((): number[] => []),
  }));
  for (let round = -1; round < rounds; round++) {
    for (let place = 0; place < trials.length; place++) {
      const trial = trials[(round + 1 + place) % trials.length];
      if (trial === undefined) continue;
      const timed = await searchAll(target, truth, trial.nprobe);
      trial.found = timed.found;
      if (round >= 0) for (const [i, ms] of timed.ms.entries()) trial.ms[i]?.push(ms);
      onProgress?.((round + 1) * trials.length + place + 1, total);
    }
  }
  return trials.map((trial) => summarise(trial, possible, rounds));
}

/**
 * An IVF index against the FLAT index of the same rows; latency is the search's own.
 * @throws RangeError if the indexes differ in rows or dimension
 */
export function indexTarget(
  ivf: NativeIndex,
  flat: NativeIndex,
  queries: readonly Float32Array[],
  k = 10,
): SweepTarget {
  if (ivf.dimension !== flat.dimension || ivf.ntotal !== flat.ntotal)
    throw new RangeError(
      `IVF has ${ivf.ntotal} rows of ${ivf.dimension} dimensions, FLAT has ${flat.ntotal} of ${flat.dimension}`,
    );
  const vector = (query: number) => queries[query] ?? new Float32Array(0);
  const rows = (ids: BigInt64Array) => Array.from(ids).filter((id) => id >= 0n);
  return {
    queries: queries.length,
    exact: async (query) => rows((await flat.search(vector(query), k, 1)).ids),
    async search(query, nprobe) {
      const begin = performance.now();
      const { ids } = await ivf.search(vector(query), k, nprobe);
      return { ms: performance.now() - begin, ids: rows(ids) };
    },
  };
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
  target: SweepTarget,
  truth: readonly ReadonlySet<Id>[],
  nprobe: number,
): Promise<{ found: number[]; ms: number[] }> {
  const found: number[] = [];
  const ms: number[] = [];
  for (const [query, exact] of truth.entries()) {
    const answer = await target.search(query, nprobe);
    ms.push(answer.ms);
    found.push(answer.ids.filter((id) => exact.has(id)).length);
  }
  return { found, ms };
}

function summarise(
  { nprobe, found, ms }: { nprobe: number; found: readonly number[]; ms: readonly (readonly number[])[] },
  possible: readonly number[],
  repeats: number,
): SweepTrial {
  const sum = (values: readonly number[], rows: readonly number[]) =>
    rows.reduce((total, row) => total + (values[row] ?? 0), 0);
  const deltaOf = (rows: readonly number[]) =>
    100 * (sum(found, rows) / Math.max(1, sum(possible, rows)) - 1);
  const latency = (rows: readonly number[], share: number) =>
    quantile(
      rows.flatMap((row) => ms[row] ?? []),
      share,
    );
  const all = [...found.keys()];
  const random = seededRandom(1);
  const drawn = Array.from({ length: RESAMPLES }, () => all.map(() => Math.floor(random() * all.length)));
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
