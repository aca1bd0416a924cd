import type { BothLanes } from './conditional-binomial.ts';
import type { ReleaseQuality } from './contract.ts';
import type { HarmRule, Plan } from './plan.ts';
import type { Count } from './stats.ts';
import type { Histogram } from './histogram.ts';
import type { LaneCounters } from './telemetry.ts';
import type { LaneWindow } from './window.ts';
import { quantileMs, since, slowerThan, total } from './histogram.ts';

/** What is compared of a lane. */
type LaneDid = Pick<LaneWindow, 'release' | 'errors' | 'endToEnd' | 'quality'>;

/** What a lane did since `before`; both of the same release. */
export function laneDid(before: LaneCounters, after: LaneCounters): LaneDid {
  return {
    release: after.release,
    errors: { hits: after.errors - before.errors, n: after.requests - before.requests },
    endToEnd: since(before.endToEnd, after.endToEnd),
    quality: {
      hits: after.quality.hits - before.quality.hits,
      n: after.quality.total - before.quality.total,
    },
  };
}

/** Both lanes over the same stretch of time: a concurrent control, so that what hits both of them cancels out. */
export interface SameMinutes {
  readonly candidate: LaneDid;
  readonly stable: LaneDid;
  /** Caches are cold after a raise: then errors count, and latencies do not. */
  readonly cold: boolean;
}

/** Harm that is proven. */
export interface HarmAlarm {
  readonly trigger: string;
  readonly onAlarm: HarmRule['onAlarm'];
  readonly reason: string;
}

/** What went wrong on both lanes in the sense of a metric; `slowOverMs` is what counts as slow. Null where it is not to be counted. */
export function wentWrong(
  metric: HarmRule['metric'],
  { candidate, stable, cold }: SameMinutes,
  slowOverMs: number | null,
): BothLanes | null {
  switch (metric) {
    case 'errorRate':
      return { candidate: candidate.errors, stable: stable.errors };
    case 'endToEndP95':
      if (cold || slowOverMs === null) return null;
      return {
        candidate: slowerThan(candidate.endToEnd, slowOverMs),
        stable: slowerThan(stable.endToEnd, slowOverMs),
      };
    case 'qualityShortfall':
      return { candidate: misses(candidate.quality), stable: misses(stable.quality) };
    default:
      return metric satisfies never;
  }
}

function misses({ hits, n }: Count): Count {
  return { hits: n - hits, n };
}

/** By how much the candidate's misses exceed stable's if both releases keep what they promise; null where one does not say. */
export function foretoldExcess(
  metric: HarmRule['metric'],
  { candidate, stable }: SameMinutes,
  candidateQuality: ReleaseQuality | null,
  stableQuality: ReleaseQuality | null,
): number | null {
  if (metric !== 'qualityShortfall') return 0;
  if (candidateQuality?.release !== candidate.release || stableQuality?.release !== stable.release)
    return null;
  return stableQuality.expectedShare - candidateQuality.expectedShare;
}

/** Fewer requests of stable than this have no P95 worth comparing with. */
const LEAST_FOR_P95 = 100;

/** Slower than this is slow, in ms: so many times stable's recent P95, and at least the plan's excess over it. */
export function slowerThanStableMs(plan: Plan, stable: Histogram | null, over: number): number | null {
  if (stable === null || total(stable) < LEAST_FOR_P95) return null;
  const p95 = quantileMs(stable, 0.95);
  return p95 === null ? null : Math.max(p95 * over, p95 + plan.p95ExcessMs);
}

export const NOTHING: BothLanes = { candidate: { hits: 0, n: 0 }, stable: { hits: 0, n: 0 } };

export function plus(a: Count, b: Count): Count {
  return { hits: a.hits + b.hits, n: a.n + b.n };
}

/** What an older stretch still counts after one more: about fifty of them in all. */
const KEPT = 0.98;

/** Stable's count of late; where it has no users any more, its last one. */
export function kept(before: Count | null, now: Count): Count {
  if (before === null || now.n === 0) return before ?? now;
  return plus(now, { hits: before.hits * KEPT, n: before.n * KEPT });
}

export function sayCount({ hits, n }: Count): string {
  return `${Math.round(hits)} of ${Math.round(n)}`;
}
