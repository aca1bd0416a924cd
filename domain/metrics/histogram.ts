import type { Count } from '../statistics/proportion.ts';

/** Upper bounds in seconds: 5 % apart from 0.25 ms to 50 ms with the runbook's limits (2, 8, 10, 20 ms) among them, then coarse. */
export const LATENCY_BOUNDS_SECONDS: readonly number[] = latencyBounds();

/** The same in ms; one bucket more lies above them all. */
export const BOUNDS_MS: readonly number[] = LATENCY_BOUNDS_SECONDS.map((bound) => bound * 1000);

function latencyBounds(): number[] {
  const limits = [0.002, 0.008, 0.01, 0.02];
  const bounds = new Set(limits);
  for (let bound = 0.000_25; bound < 0.05; bound *= 1.05) {
    bounds.add(Number(bound.toPrecision(4)));
  }
  for (const coarse of [0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2, 5]) bounds.add(coarse);
  return [...bounds].toSorted((a, b) => a - b);
}

/**
 * Latencies by bucket: `counts[i]` requests lie in bucket `from + i`, which ends at `BOUNDS_MS[from + i]`; all other buckets are empty.
 * Snapshots hold dozens of them and travel through heartbeats and histories, so neither bounds nor the empty buckets at both ends do.
 */
export interface Histogram {
  readonly from: number;
  readonly counts: readonly number[];
}

export const EMPTY: Histogram = { from: 0, counts: [] };

/** The histogram of a count for each bucket, the one above all bounds last. */
export function histogramOf(counts: readonly number[]): Histogram {
  const from = counts.findIndex((count) => count !== 0);
  if (from === -1) return EMPTY;
  return { from, counts: counts.slice(from, counts.findLastIndex((count) => count !== 0) + 1) };
}

/** The histogram with so many observations of so many ms. */
export function observed(before: Histogram, ms: number, n = 1): Histogram {
  const found = BOUNDS_MS.findIndex((bound) => ms <= bound);
  return plus(before, { from: found === -1 ? BOUNDS_MS.length : found, counts: [n] });
}

/** Both together. */
export function plus(a: Histogram, b: Histogram): Histogram {
  return merged(a, b, 1);
}

/** What a histogram has observed since `before`. */
export function since(before: Histogram, after: Histogram): Histogram {
  return merged(after, before, -1);
}

/** The same shape with so many times its observations. */
export function scaled({ from, counts }: Histogram, by: number): Histogram {
  return { from, counts: counts.map((count) => count * by) };
}

/** In plain loops: guards merge histograms some hundred thousand times in 48 simulated hours. */
function merged(a: Histogram, b: Histogram, sign: 1 | -1): Histogram {
  if (b.counts.length === 0) return a;
  const from = a.counts.length === 0 ? b.from : Math.min(a.from, b.from);
  const end = Math.max(a.from + a.counts.length, b.from + b.counts.length);
  const at = (bucket: number) => (a.counts[bucket - a.from] ?? 0) + sign * (b.counts[bucket - b.from] ?? 0);
  let [first, last] = [from, end];
  while (first < last && at(first) === 0) first++;
  while (last > first && at(last - 1) === 0) last--;
  if (first === last) return EMPTY;
  const counts: number[] = [];
  for (let bucket = first; bucket < last; bucket++) counts.push(at(bucket));
  return { from: first, counts };
}

/** Observations of a histogram. */
export function total({ counts }: Histogram): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/**
 * How many observations were slower than a limit in ms, at most: a bucket that the limit cuts counts as slower in
 * whole, so the error is less than one bucket (5 %), and to the safe side.
 */
export function slowerThan(histogram: Histogram, limitMs: number): Count {
  // Bounds are decimal seconds times 1000: 8 ms may read 8.000000000000002.
  const reached = limitMs * (1 + 1e-9);
  let [hits, n] = [0, 0];
  for (const [i, count] of histogram.counts.entries()) {
    n += count;
    if (!((BOUNDS_MS[histogram.from + i] ?? Infinity) <= reached)) hits += count;
  }
  return { hits, n };
}

/** Quantile in ms, linear within its bucket; null without observations; the last bound where it lies above all. */
export function quantileMs(histogram: Histogram, share: number): number | null {
  const n = total(histogram);
  if (n === 0) return null;
  const rank = share * n;
  const last = BOUNDS_MS.at(-1) ?? 0;
  let seen = 0;
  for (const [i, count] of histogram.counts.entries()) {
    if (count > 0 && seen + count >= rank) {
      const bucket = histogram.from + i;
      const [low, high] = [BOUNDS_MS[bucket - 1] ?? 0, BOUNDS_MS[bucket] ?? last];
      return low + ((rank - seen) / count) * (high - low);
    }
    seen += count;
  }
  return last;
}
