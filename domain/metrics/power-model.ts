import type { Count, Interval } from '../statistics/proportion.ts';
import { newcombe, normalQuantile, normalTail, pairedDifference, wilson } from '../statistics/proportion.ts';
import { lessBy } from './estimate.ts';
import { SLOWER_SHARE, slowerLimitMs } from './p95-limit.ts';

/** How much wider than they are written a row's limits are applied. */
export interface Tolerance {
  /** So many times as wide. */
  readonly times: number;
  /** How far beyond the first limit the interval of a row that passes may reach. */
  readonly margin: number;
}

/** What a row of a plan asks of the traffic. */
export interface PowerQuestion {
  readonly compareTo: 'limit' | 'stable';
  /** The row's first limit as it is written. */
  readonly first: number;
  readonly tolerance: Tolerance;
  readonly excessMs: number;
}

/** A row as a question about one share, for planning. */
export interface RowModel {
  /** The share of a candidate that is as good as stable. */
  readonly base: number;
  /** The share that lies at the first limit. */
  readonly limit: number;
  /** Proven beyond this (in the interval's terms): no pass. Proven within that: a pass. */
  readonly beyond: number;
  readonly within: number;
  readonly interval: (candidate: Count, stableN: number, z: number) => Interval;
  /** A share in the units of the row's limits: a share, a difference to stable, ms, or a multiple of stable's P95. */
  readonly valueOf: (share: number) => number;
}

export type PowerModel = (question: PowerQuestion) => RowModel;

/** A stable lane of usual latency, for planning. Its latencies are lognormal. */
const USUAL_P95_MS = 5;
const USUAL_SIGMA = 0.45;
const Z95 = normalQuantile(0.95);

/**
 * The model of a share that a usual stable lane has `base` of. `promised`: what a release promises of it, from which a limit of its own
 * counts.
 */
export function shareModel(base: number, promised = 0): PowerModel {
  return ({ compareTo, first, tolerance }) => {
    const relative = compareTo === 'stable';
    const from = relative ? 0 : promised;
    const beyond = first * tolerance.times;
    return {
      base,
      limit: relative ? base + beyond : from + beyond,
      beyond: from + beyond,
      within: from + (first + tolerance.margin) * tolerance.times,
      interval: (candidate, stableN, z) =>
        relative && Number.isFinite(stableN)
          ? newcombe(candidate, { hits: stableN * base, n: stableN }, z)
          : // At 100 % stable's last window stands in: as good as known.
            lessBy(wilson(candidate.hits, candidate.n, z), relative ? base : 0),
      valueOf: (share) => share - (relative ? base : from),
    };
  };
}

/** The model of queries that were asked of both lanes: a candidate that is as good loses as many as it gains, `differs` each. */
export function pairedModel(differs: number): PowerModel {
  return ({ first, tolerance }) => {
    const beyond = first * tolerance.times;
    return {
      base: differs,
      limit: differs + beyond,
      beyond,
      within: (first + tolerance.margin) * tolerance.times,
      interval: ({ hits, n }, _stableN, z) => pairedDifference(hits, n * differs, n, z),
      valueOf: (share) => share - differs,
    };
  };
}

/** The model of a P95: the share of requests that are slower than its limit. */
export function p95Model({ compareTo, first, tolerance, excessMs }: PowerQuestion): RowModel {
  const relative = compareTo === 'stable';
  const limitMs = relative ? slowerLimitMs(USUAL_P95_MS, { ratio: first, excessMs }) : first;
  const limit = SLOWER_SHARE * tolerance.times;
  /** Of a lane that has such a share of slower requests. */
  const p95Of = (share: number) => {
    if (share <= 0) return 0;
    return share >= 1 ? Infinity : limitMs * Math.exp(USUAL_SIGMA * (Z95 - normalQuantile(1 - share)));
  };
  // A lane that keeps its limit is taken to keep it well: a relative one as stable does, another by half.
  const p95Ms = relative ? USUAL_P95_MS : limitMs / 2;
  return {
    base: normalTail(Z95 + Math.log(limitMs / p95Ms) / USUAL_SIGMA),
    limit,
    beyond: limit,
    within: (SLOWER_SHARE + tolerance.margin) * tolerance.times,
    interval: ({ hits, n }, _stableN, z) => wilson(hits, n, z),
    valueOf: (share) => p95Of(share) / (relative ? USUAL_P95_MS : 1),
  };
}
