import type { GateRow, Plan, Stage } from '../plan/plan.ts';
import { asSlowShare, limitsOf } from '../gate/limits.ts';
import type { Count, Interval } from '../statistics/proportion.ts';
import { newcombe, normalQuantile, normalTail, pairedDifference, wilson } from '../statistics/proportion.ts';
import { SLOWER_SHARE } from '../metrics/histogram.ts';

/** 80 % power: so many standard errors lie between what is expected and what is seen in 4 of 5 cases. */
export const POWER_Z = normalQuantile(0.8);

/** A stable lane of usual quality, for planning. Its latencies are lognormal. */
const USUAL = {
  errorRate: 0.001,
  missShare: 0.05,
  p95Ms: 5,
  sigma: 0.45,
  acceptance: 0.3,
  differs: 0.025,
} as const;
const Z95 = normalQuantile(0.95);

/** A row as a question about one share, for planning. */
export interface RowModel {
  /** The share of a candidate that is as good as stable. */
  readonly base: number;
  /** The share that lies at the first limit. */
  readonly limit: number;
  /** Proven beyond this (in the interval's terms): not green. Proven within that: green. */
  readonly beyond: number;
  readonly within: number;
  readonly interval: (candidate: Count, stableN: number, z: number) => Interval;
  /** A share as a harm that a person understands. */
  readonly say: (share: number) => string;
}

/** One of so many answers is looked at for near-duplicates (INSPECT_EVERY of the retriever). */
const INSPECT_EVERY = 100;

/** The share of all judged requests that become samples of a row, 0..1. */
export function sampledShare({ shadowPercent }: Plan, { metric }: GateRow, { percent }: Stage): number {
  switch (metric) {
    case 'nearDuplicates':
      return percent / 100 / INSPECT_EVERY;
    case 'shadowQualityDrop':
    case 'shadowOverlap':
      return (shadowPercent ?? 0) / 100;
    default:
      return percent / 100;
  }
}

/**
 * The question that a row asks of the traffic; null where traffic does not answer it. `samples`: all that is known before is
 * whether it gets enough of them.
 */
export function modelOf(plan: Plan, row: GateRow, { percent }: Stage): RowModel | 'samples' | null {
  switch (row.metric) {
    case 'errorRate':
      return shareModel(plan, row, percent, USUAL.errorRate, 0);
    case 'qualityShortfall':
      // A limit of its own is a shortfall from what the release promises, so its misses start at those.
      return shareModel(plan, row, percent, USUAL.missShare, row.against === 'stable' ? 0 : USUAL.missShare);
    case 'rerankerAcceptance':
      return shareModel(plan, row, percent, USUAL.acceptance, 0);
    case 'retrievalP95':
    case 'endToEndP95':
    case 'rerankP95':
    case 'encodeP95':
    case 'requestP95':
      return latencyModel(plan, row, percent);
    case 'shadowQualityDrop':
      return pairedModel(plan, row, percent);
    case 'nearDuplicates':
      return 'samples';
    // Evaluations, gauges, the cache and the split have as many samples as they have, whatever the traffic.
    case 'splitMismatch':
    case 'cacheMisses':
    case 'memoryGrowth':
    case 'listImbalance':
    case 'corpusGrowth':
    case 'rAt5Drop':
    case 'rerankerIdle':
    case 'shadowOverlap':
      return null;
    default:
      return row.metric satisfies never;
  }
}

function shareModel(plan: Plan, row: GateRow, percent: number, base: number, promised: number): RowModel {
  const { warn, red, within } = limitsOf(plan, row, null, percent);
  const beyond = warn ?? red ?? 0;
  const relative = row.against === 'stable';
  return {
    base,
    limit: relative ? base + beyond : promised + beyond,
    beyond: promised + beyond,
    within: promised + within,
    interval: (candidate, stableN, z) =>
      relative && Number.isFinite(stableN)
        ? newcombe(candidate, { hits: stableN * base, n: stableN }, z)
        : lessBase(wilson(candidate.hits, candidate.n, z), relative ? base : 0),
    say: (share) => `+${Number((100 * (share - base)).toPrecision(2))} points`,
  };
}

/** At 100 % stable's last window stands in: as good as known. */
function lessBase({ low, high }: Interval, base: number): Interval {
  return { low: low - base, high: high - base };
}

/** Queries that were asked of both lanes: as many are lost as gained by a candidate that is as good. */
function pairedModel(plan: Plan, row: GateRow, percent: number): RowModel {
  const { warn, red, within } = limitsOf(plan, row, null, percent);
  const beyond = warn ?? red ?? 0;
  return {
    base: USUAL.differs,
    limit: USUAL.differs + beyond,
    beyond,
    within,
    interval: ({ hits, n }, _stableN, z) => pairedDifference(hits, n * USUAL.differs, n, z),
    say: (share) => `+${Number((100 * (share - USUAL.differs)).toPrecision(2))} points`,
  };
}

function latencyModel(plan: Plan, row: GateRow, percent: number): RowModel {
  const first = row.warnOver ?? row.redOver ?? 0;
  const overStable = Math.max(first, 1 + plan.p95ExcessMs / USUAL.p95Ms);
  const limitMs = row.against === 'stable' ? USUAL.p95Ms * overStable : first;
  const { warn, within } = limitsOf(plan, asSlowShare(row), null, percent);
  const limit = warn ?? SLOWER_SHARE;
  const p95Of = (share: number) => limitMs * Math.exp(USUAL.sigma * (Z95 - normalQuantile(1 - share)));
  // A lane that keeps its limit is taken to keep it well: a relative one as stable does, another by half.
  const p95Ms = row.against === 'stable' ? USUAL.p95Ms : limitMs / 2;
  return {
    base: normalTail(Z95 + Math.log(limitMs / p95Ms) / USUAL.sigma),
    limit,
    beyond: limit,
    within,
    interval: ({ hits, n }, _stableN, z) => wilson(hits, n, z),
    say: (share) =>
      row.against === 'stable'
        ? `P95 x${Number((p95Of(share) / USUAL.p95Ms).toFixed(2))}`
        : `a P95 of ${Number(p95Of(share).toPrecision(2))} ms`,
  };
}
