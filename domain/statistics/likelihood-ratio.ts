import type { Count } from './proportion.ts';

/** How often something went wrong on both lanes in the same minutes. */
export interface LaneCounts {
  readonly candidate: Count;
  readonly stable: Count;
}

/** No rate is taken for smaller than this many hits in all requests of both lanes: a logarithm of 0 decides nothing. */
const LEAST_HITS = 0.1;

/**
 * The share of all hits that falls on the candidate if its rate exceeds stable's by `excess` (a difference of shares),
 * 0..1 exclusive. The rate that both have in common is what the hits of that minute say, so that a spike or a drift of
 * both lanes drops out.
 */
export function candidateShare({ candidate, stable }: LaneCounts, excess: number): number {
  const n = candidate.n + stable.n;
  const hits = candidate.hits + stable.hits;
  const least = LEAST_HITS / n;
  const stableRate = Math.max(least, Math.min((hits - candidate.n * excess) / n, 1));
  const candidateRate = Math.max(least, Math.min(stableRate + excess, 1));
  const expected = candidate.n * candidateRate;
  return expected / (expected + stable.n * stableRate);
}

/**
 * Log likelihood ratio of "the candidate's rate exceeds stable's by `harm`" against "by `tolerated`", conditional on the
 * hits of both lanes: given those, the candidate's are binomial (J. Przyborowski, H. Wilenski, Biometrika 31 (1940) 313).
 * 0 where nothing went wrong, or one lane had no requests.
 */
export function conditionalLogRatio(lanes: LaneCounts, tolerated: number, harm: number): number {
  if (lanes.candidate.n === 0 || lanes.stable.n === 0) return 0;
  const [as, against] = [candidateShare(lanes, harm), candidateShare(lanes, tolerated)];
  return (
    lanes.candidate.hits * Math.log(as / against) + lanes.stable.hits * Math.log((1 - as) / (1 - against))
  );
}

/** The same where stable has no users and its rate is known from before: the plain binomial log likelihood ratio. */
export function referenceLogRatio(
  candidate: Count,
  stableRate: number,
  tolerated: number,
  harm: number,
): number {
  if (candidate.n === 0) return 0;
  const rate = (excess: number) => Math.max(1e-6, Math.min(stableRate + excess, 1 - 1e-6));
  const [as, against] = [rate(harm), rate(tolerated)];
  return (
    candidate.hits * Math.log(as / against) +
    (candidate.n - candidate.hits) * Math.log((1 - as) / (1 - against))
  );
}
