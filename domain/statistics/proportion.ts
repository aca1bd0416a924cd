/** A two-sided interval of a share or of a difference of shares. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Quantile of the standard normal distribution for 0 < p < 1 (absolute error below 5e-4).
 * Abramowitz & Stegun, Handbook of Mathematical Functions, 26.2.23.
 */
export function normalQuantile(p: number): number {
  if (p < 0.5) return -normalQuantile(1 - p);
  const t = Math.sqrt(-2 * Math.log(1 - p));
  const numerator = 2.515517 + t * (0.802853 + t * 0.010328);
  const denominator = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308));
  return t - numerator / denominator;
}

/**
 * The z of a two-sided interval when one sample is looked at up to `looks` times: the error is shared out evenly
 * (Bonferroni), which holds whatever the looks have in common.
 */
export function zFor(confidence: number, looks: number): number {
  return normalQuantile(1 - (1 - confidence) / 2 / Math.max(1, looks));
}

/** Wilson's score interval of a share, `hits` of `n` (n > 0). E. B. Wilson, JASA 22 (1927) 209. */
export function wilson(hits: number, n: number, z: number): Interval {
  const share = hits / n;
  const centre = share + (z * z) / (2 * n);
  const half = z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  return { low: Math.max(0, (centre - half) / scale), high: Math.min(1, (centre + half) / scale) };
}

/** A share as it was counted. */
export interface Count {
  readonly hits: number;
  readonly n: number;
}

/**
 * Interval of the difference a − b of two independent shares: Newcombe's hybrid score interval.
 * R. G. Newcombe, Statistics in Medicine 17 (1998) 873, method 10.
 */
export function newcombe(a: Count, b: Count, z: number): Interval {
  const [shareA, shareB] = [a.hits / a.n, b.hits / b.n];
  const [ofA, ofB] = [wilson(a.hits, a.n, z), wilson(b.hits, b.n, z)];
  const difference = shareA - shareB;
  return {
    low: difference - Math.hypot(shareA - ofA.low, ofB.high - shareB),
    high: difference + Math.hypot(ofA.high - shareA, shareB - ofB.low),
  };
}

/**
 * Interval of a paired difference (lost − gained) / n, where each of n queries was asked before and after.
 * A. Agresti, Y. Min, Statistics in Medicine 24 (2005) 729: half a query is added to each of the four cells.
 */
export function pairedDifference(lost: number, gained: number, n: number, z: number): Interval {
  const size = n + 2;
  const difference = (lost - gained) / size;
  const variance = (lost + gained + 1 - (lost - gained) ** 2 / size) / size ** 2;
  const half = z * Math.sqrt(Math.max(0, variance));
  return { low: difference - half, high: difference + half };
}

/**
 * Interval of the difference a − b of the means of two independent samples, each given as how many observations had
 * which value: Welch's standard error with normal quantiles. A sample without spread counts as if it had one
 * observation one step off, so that ten equal values are no certainty. Null where a sample is empty.
 */
export function meanDifference(
  a: readonly number[],
  b: readonly number[],
  valueOf: (i: number) => number,
  z: number,
): { readonly difference: number; readonly interval: Interval } | null {
  const [first, second] = [momentsOf(a, valueOf), momentsOf(b, valueOf)];
  if (first === null || second === null) return null;
  const difference = first.mean - second.mean;
  const half = z * Math.sqrt(first.varianceOfMean + second.varianceOfMean);
  return { difference, interval: { low: difference - half, high: difference + half } };
}

function momentsOf(
  counts: readonly number[],
  valueOf: (i: number) => number,
): { readonly mean: number; readonly varianceOfMean: number } | null {
  const n = counts.reduce((sum, count) => sum + count, 0);
  if (n === 0) return null;
  const mean = counts.reduce((sum, count, i) => sum + count * valueOf(i), 0) / n;
  const squares = counts.reduce((sum, count, i) => sum + count * (valueOf(i) - mean) ** 2, 0);
  const step = valueOf(1) - valueOf(0);
  return { mean, varianceOfMean: Math.max(squares, step ** 2) / n / Math.max(1, n - 1) };
}

/**
 * P-value of a split of `candidate` against `stable` units where `share` (0..1, exclusive) was meant: Pearson's
 * chi-square with one degree of freedom, the test for a sample-ratio mismatch.
 */
export function splitPValue(candidate: number, stable: number, share: number): number {
  const n = candidate + stable;
  const expected = n * share;
  const chiSquare = (candidate - expected) ** 2 / (expected * (1 - share));
  return complementaryError(Math.sqrt(chiSquare / 2));
}

/** The share of a standard normal distribution that lies above x (relative error below 1.2e-7 for x >= 0). */
export function normalTail(x: number): number {
  return x < 0 ? 1 - normalTail(-x) : complementaryError(x / Math.SQRT2) / 2;
}

/** erfc(x) for x >= 0, relative error below 1.2e-7. Press et al., Numerical Recipes, `erfcc`. */
function complementaryError(x: number): number {
  const t = 1 / (1 + x / 2);
  const coefficients = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587,
    -0.82215223, 0.17087277,
  ];
  const polynomial = coefficients.reduceRight((sum, coefficient) => sum * t + coefficient, 0);
  return t * Math.exp(-x * x + polynomial);
}
