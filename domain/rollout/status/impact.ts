import type { Plan } from '../../plan/plan.ts';
import type { SeenClocks } from '../../metrics/source-clock.ts';
import { seeClock } from '../../metrics/source-clock.ts';
import type {
  LaneCounters,
  ShadowCounters,
  Snapshot,
  SnapshotResult,
  ExposureCounters,
} from '../../metrics/snapshot.ts';
import { NO_REQUESTS } from '../../metrics/snapshot.ts';
import type { LaneWindow } from '../../metrics/window.ts';
import { quantileMs, slowerThan, total } from '../../metrics/histogram.ts';
import { difference, pairsOf, shadowSince } from '../../metrics/window.ts';
import type { ReleaseQuality } from '../../core/release-quality.ts';
import { SLOWER, slowerLimitMs } from '../../metrics/p95-limit.ts';

/** What a candidate did to users, from its first request on. Counts; those that are expectations may be fractions. */
export interface BlastRadius {
  /** Requests of every kind that were assigned to the candidate. */
  readonly requests: number;
  /** Of them, those that it failed: answered by stable in its place, or not at all. */
  readonly failed: number;
  /** Of them, those whose users got a server error. */
  readonly seen: number;
  /** Queries of any kind that were slower than 1.15 x stable's P95 of the same time; while stable had no users, than the plan's limit. */
  readonly slower: number;
  /** As many would have been if it were as fast as stable. */
  readonly slowerExpected: number;
  /** Queries with a context without a result of cosine tau. */
  readonly missed: number;
  /** As many as the release's own metrics.json foretells. */
  readonly missedExpected: number;
  /** Queries that both lanes answered in the shadow, and those of them that hit with stable alone. */
  readonly shadowed: number;
  readonly lost: number;
  /** How often the counters were reset: what came between the last reading and the restart is missing above. */
  readonly restarts: number;
}

/** The radius so far, and the reading from which it grows. */
export interface BlastTrack {
  readonly radius: BlastRadius;
  readonly last: Snapshot | null;
  /** An old body counts for nothing. */
  readonly clocks: SeenClocks | null;
}

/** What the gateway counted of a lane between two readings. */
type LaneCount = Omit<LaneWindow, 'own'>;

const NOTHING: BlastRadius = {
  requests: 0,
  failed: 0,
  seen: 0,
  slower: 0,
  slowerExpected: 0,
  missed: 0,
  missedExpected: 0,
  shadowed: 0,
  lost: 0,
  restarts: 0,
};

export const NO_BLAST: BlastTrack = { radius: NOTHING, last: null, clocks: null };

/** A P95 of fewer requests says little. */
const LEAST_OF_STABLE = 20;

/**
 * The radius with what came since the last reading. The first one only says where counting begins: the same release may
 * have been tried before. A reading that is missing, or an old body, leaves all as it was; after a restart of the gateway the new
 * counters are all new.
 */
export function addImpact(
  before: BlastTrack,
  result: SnapshotResult,
  release: string,
  plan: Plan,
  quality: ReleaseQuality | null,
): BlastTrack {
  if (result.kind === 'missing') return before;
  const { snapshot } = result;
  const { radius, last } = before;
  const { seen: clocks, moved } = seeClock(before.clocks, snapshot);
  if (!moved) return { ...before, clocks };
  if (last === null) return { radius, last: snapshot, clocks };
  const restarted = last.processStartMs !== snapshot.processStartMs;
  const since = restarted ? null : last;
  const of = <T extends { readonly release: string }>(counters: T | null | undefined) =>
    counters?.release === release ? counters : null;
  const touched = touchedSince(of(since?.touched), of(snapshot.touched));
  const window = laneSince(of(since?.lanes.candidate), of(snapshot.lanes.candidate));
  const stable = stableSince(since, snapshot);
  const shadow = shadowOf(of(since?.shadow), of(snapshot.shadow));
  const slow = window === null ? NOT_SLOW : slowOf(window, stable, plan);
  const expected = quality?.release === release ? quality.expectedShare : null;
  const asked = window?.quality.n ?? 0;
  return {
    last: snapshot,
    clocks,
    radius: {
      requests: radius.requests + touched.requests,
      failed: radius.failed + touched.failed,
      seen: radius.seen + touched.seen,
      slower: radius.slower + slow.slower,
      slowerExpected: radius.slowerExpected + slow.expected,
      missed: radius.missed + asked - (window?.quality.hits ?? 0),
      missedExpected: radius.missedExpected + (expected === null ? 0 : (1 - expected) * asked),
      shadowed: radius.shadowed + (shadow === null ? 0 : pairsOf(shadow)),
      lost: radius.lost + (shadow?.onlyStable ?? 0),
      restarts: radius.restarts + Number(restarted),
    },
  };
}

function touchedSince(
  before: ExposureCounters | null,
  after: ExposureCounters | null,
): Pick<BlastRadius, 'requests' | 'failed' | 'seen'> {
  if (after === null) return { requests: 0, failed: 0, seen: 0 };
  return {
    requests: after.requests - (before?.requests ?? 0),
    failed: after.failed - (before?.failed ?? 0),
    seen: after.seen - (before?.seen ?? 0),
  };
}

function laneSince(before: LaneCounters | null, after: LaneCounters | null): LaneCount | null {
  return after === null ? null : difference(before ?? { ...after, ...NO_REQUESTS }, after);
}

function stableSince(before: Snapshot | null, after: Snapshot): LaneCount | null {
  const [from, to] = [before?.lanes.stable ?? null, after.lanes.stable];
  return laneSince(from?.release === to?.release ? from : null, to);
}

function shadowOf(before: ShadowCounters | null, after: ShadowCounters | null): ShadowCounters | null {
  return before === null ? after : shadowSince(before, after);
}

const NOT_SLOW = { slower: 0, expected: 0 };

function slowOf(candidate: LaneCount, stable: LaneCount | null, plan: Plan): typeof NOT_SLOW {
  const n = total(candidate.endToEnd);
  const p95 = stable === null ? null : quantileMs(stable.endToEnd, 0.95);
  if (stable !== null && p95 !== null && total(stable.endToEnd) >= LEAST_OF_STABLE) {
    const limitMs = slowerLimitMs(p95, { ...SLOWER, excessMs: plan.p95ExcessMs });
    const slowOfStable = slowerThan(stable.endToEnd, limitMs);
    return {
      slower: slowerThan(candidate.endToEnd, limitMs).hits,
      expected: (n * slowOfStable.hits) / slowOfStable.n,
    };
  }
  const limitMs = endToEndLimitMs(plan);
  return limitMs === null ? NOT_SLOW : { slower: slowerThan(candidate.endToEnd, limitMs).hits, expected: 0 };
}

function endToEndLimitMs({ stages }: Plan): number | null {
  const row = stages
    .flatMap(({ rows }) => rows)
    .find(({ metric, compareTo }) => metric === 'endToEndP95' && compareTo === 'limit');
  return row?.warnAbove ?? row?.failAbove ?? null;
}

/** The radius in a sentence. */
export function formatBlastRadius(radius: BlastRadius): string {
  const { requests, failed, seen, slower, slowerExpected, missed, missedExpected, shadowed, lost } = radius;
  const parts = [
    `${failed} failed, of which users saw ${seen}`,
    `${slower} were slower than stable's (${slowerExpected.toFixed(0)} would be as fast a lane's)`,
    `${missed} found nothing above tau (${missedExpected.toFixed(0)} expected)`,
    ...(shadowed === 0 ? [] : [`of ${shadowed} shadowed queries ${lost} hit with stable alone`]),
    ...(radius.restarts === 0 ? [] : [`the counters were reset ${radius.restarts} times`]),
  ];
  return `the candidate touched ${requests} requests: ${parts.join('; ')}`;
}
