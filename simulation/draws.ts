import { normalTail } from '../domain/statistics/proportion.ts';

/** A Poisson number: Knuth's product for small means, the normal approximation above. */
export function poisson(mean: number, random: () => number): number {
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)));
  const limit = Math.exp(-mean);
  let count = -1;
  for (let product = 1; product > limit; product *= random()) count++;
  return Math.max(0, count);
}

/** A binomial number: Poisson where hits are rare or few, the normal approximation elsewhere. */
export function binomial(n: number, p: number, random: () => number): number {
  if (p > 0.5) return n - binomial(n, 1 - p, random);
  if (p < 0.05 || n * p < 10) return Math.min(n, poisson(n * p, random));
  const drawn = Math.round(n * p + Math.sqrt(n * p * (1 - p)) * normal(random));
  return Math.max(0, Math.min(n, drawn));
}

/** Shares of a lognormal latency in each bucket between `boundsMs`, and above them. */
export function bucketShares(boundsMs: readonly number[], medianMs: number, sigma: number): Float64Array {
  const shares = new Float64Array(boundsMs.length + 1);
  let above = 1;
  for (const [i, bound] of boundsMs.entries()) {
    const next = normalTail(Math.log(bound / medianMs) / sigma);
    shares[i] = above - next;
    above = next;
  }
  shares[boundsMs.length] = above;
  return shares;
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
