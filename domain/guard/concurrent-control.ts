import type { LaneCounts } from '../statistics/likelihood-ratio.ts';
import { KIND_METRICS, strataOf } from '../metrics/query-kinds.ts';
import type { Strata } from '../metrics/like-with-like.ts';
import { alikeCount, alikeErrors, byKind } from '../metrics/like-with-like.ts';
import type { HarmRule, Plan } from '../plan/plan.ts';
import type { Count } from '../statistics/proportion.ts';
import type { Histogram } from '../metrics/histogram.ts';
import type { LaneCounters } from '../metrics/snapshot.ts';
import type { LaneWindow } from '../metrics/window.ts';
import { kindsBetween } from '../metrics/window.ts';
import { quantileMs, since, slowerThan, total } from '../metrics/histogram.ts';
import type { ReleaseQuality } from '../core/release-quality.ts';
import { slowerLimitMs } from '../metrics/p95-limit.ts';

/** What is compared of a lane. */
type LaneDelta = Pick<LaneWindow, 'release' | 'errors' | 'endToEnd' | 'kinds' | 'quality'>;

/** What a lane did since `before`; both of the same release. */
export function laneDelta(before: LaneCounters, after: LaneCounters): LaneDelta {
  return {
    release: after.release,
    errors: { hits: after.errors - before.errors, n: after.requests - before.requests },
    endToEnd: since(before.endToEnd, after.endToEnd),
    kinds: kindsBetween(before.kinds, after.kinds),
    quality: {
      hits: after.quality.hits - before.quality.hits,
      n: after.quality.total - before.quality.total,
    },
  };
}

/** Both lanes over the same interval of time: a concurrent control, so that what hits both of them cancels out. */
export interface PairedCounts {
  readonly candidate: LaneDelta;
  readonly stable: LaneDelta;
  /** Caches are cold after a raise: then errors count, and latencies do not. */
  readonly inWarmUp: boolean;
}

/** Harm that is proven. */
export interface HarmAlarm {
  readonly trigger: string;
  readonly onAlarm: HarmRule['onAlarm'];
  readonly reason: string;
}

/** Latencies of a lane that have limits of their own, by name: over all kinds, and by kind those of encoding and of whole requests. */
export function latenciesOf({ endToEnd, kinds }: LaneDelta): Strata<Histogram> {
  const byName = KIND_METRICS.flatMap((metric) =>
    Object.entries(kinds).flatMap(([kind, of]) =>
      Object.entries(strataOf(metric, of)).map(
        ([stratum, latencies]) => [seriesName(metric, kind, stratum), latencies] as const,
      ),
    ),
  );
  return { [ALL_KINDS]: endToEnd, ...Object.fromEntries(byName) };
}

const ALL_KINDS = 'endToEnd';
const seriesName = (...parts: readonly string[]) => parts.join('/');

/**
 * What went wrong on both lanes in the sense of a metric, stable's in the proportions of the candidate's queries; `slowOverMs` says what
 * is slow among the latencies of a name, and `kind` of which kind they are. Null where it is not to be counted.
 */
export function countFailures(
  metric: HarmRule['metric'],
  { candidate, stable, inWarmUp }: PairedCounts,
  slowOverMs: (name: string) => number | null,
  kind: string | null = null,
): LaneCounts | null {
  const slow = (latencies: Strata<Histogram>, name: (stratum: string) => string): Strata<Count> =>
    Object.fromEntries(
      Object.entries(latencies).flatMap(([stratum, of]) => {
        const limitMs = slowOverMs(name(stratum));
        return limitMs === null ? [] : [[stratum, slowerThan(of, limitMs)]];
      }),
    );
  switch (metric) {
    case 'errorRate':
      return { candidate: candidate.errors, stable: alikeErrors(candidate, stable) };
    case 'endToEndP95': {
      const [here, there] = [candidate, stable].map(({ kinds }) =>
        slow(
          byKind(kinds, (of) => of.endToEnd),
          () => ALL_KINDS,
        ),
      );
      return inWarmUp || slowOverMs(ALL_KINDS) === null ? null : alike(here, there);
    }
    case 'encodeP95':
    case 'requestP95': {
      if (inWarmUp || kind === null) return null;
      const [here, there] = [candidate, stable].map(({ kinds }) =>
        slow(strataOf(metric, kinds[kind]), (stratum) => seriesName(metric, kind, stratum)),
      );
      return alike(here, there);
    }
    case 'qualityShortfall':
      return { candidate: misses(candidate.quality), stable: misses(stable.quality) };
    default:
      return metric satisfies never;
  }
}

function alike(candidate: Strata<Count> = {}, stable: Strata<Count> = {}): LaneCounts {
  return {
    candidate: Object.values(candidate).reduce(plus, NONE),
    stable: alikeCount(candidate, stable) ?? NONE,
  };
}

const NONE: Count = { hits: 0, n: 0 };

function misses({ hits, n }: Count): Count {
  return { hits: n - hits, n };
}

/** By how much the candidate's misses exceed stable's if both releases keep what they promise; null where one does not say. */
export function expectedDifferenceOf(
  metric: HarmRule['metric'],
  { candidate, stable }: PairedCounts,
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
  return p95 === null ? null : slowerLimitMs(p95, { ratio: over, excessMs: plan.p95ExcessMs });
}

export const NOTHING: LaneCounts = { candidate: NONE, stable: NONE };

export function plus(a: Count, b: Count): Count {
  return { hits: a.hits + b.hits, n: a.n + b.n };
}

/** What an older interval still counts after one more: about fifty of them in all. */
const KEPT = 0.98;

/** Stable's recent count; where it has no users any more, its last one. */
export function kept(before: Count | null, now: Count): Count {
  if (before === null || now.n === 0) return before ?? now;
  return plus(now, { hits: before.hits * KEPT, n: before.n * KEPT });
}
