import type { Plan, Trigger } from '../plan/plan.ts';
import type { Count } from '../statistics/proportion.ts';
import type { LaneCounters, SnapshotResult } from '../metrics/snapshot.ts';
import { since, slowerThan } from '../metrics/histogram.ts';
import type { ReleaseQuality } from '../core/release-quality.ts';
import { SLOWER_SHARE } from '../metrics/p95-limit.ts';

/** One lane's standing at one poll under one trigger. */
export type Standing = 'breach' | 'clear' | 'few';

/** What was measured, and when. */
export interface Seen {
  readonly atMs: number;
  readonly result: SnapshotResult;
}

interface StandingContext {
  readonly plan: Plan;
  readonly candidateQuality: ReleaseQuality | null;
  readonly stableQuality: ReleaseQuality | null;
}

/** Whether a lane breaches a trigger's limit in the look-back that ends with the newest snapshot. */
export function standing(
  rule: Trigger,
  lane: 'stable' | 'candidate',
  snapshots: readonly Seen[],
  context: StandingContext,
  nowMs: number,
): Standing {
  const seen = lookBack(rule, lane, snapshots, context, nowMs);
  if (seen === null || seen === 'down') return seen === null ? 'few' : 'breach';
  const { hits, n } = seen.beyond;
  if (n < rule.minSamples || n === 0) return 'few';
  return hits / n > seen.limit ? 'breach' : 'clear';
}

/** What a rule sees of a lane: how many requests were bad, and the share of them that it allows. */
export interface LookBack {
  readonly beyond: Count;
  readonly limit: number;
}

/** The look-back of a rule that ends with the newest snapshot; `down` where the lane answers nobody, null without data. */
export function lookBack(
  rule: Trigger,
  lane: 'stable' | 'candidate',
  snapshots: readonly Seen[],
  context: StandingContext,
  nowMs: number,
): LookBack | 'down' | null {
  const latest = counters(snapshots.at(-1)?.result, lane);
  if (latest === null) return null;
  // A lane that is down or shut off answers nobody: that is a breach, not missing data.
  const down = latest.breakerOpen || latest.notReadySeconds * 1000 > context.plan.guard.notReadyMs;
  if (rule.metric === 'errorRate' && down) return 'down';
  const opening = snapshots.findLast(
    ({ atMs, result }) => atMs <= nowMs - rule.overMs && sameCounters(result, snapshots.at(-1)?.result),
  );
  const before = counters(
    (opening ?? snapshots.find(({ result }) => sameCounters(result, snapshots.at(-1)?.result)))?.result,
    lane,
  );
  if (before === null || before.release !== latest.release) return null;
  return countBad(
    rule,
    before,
    latest,
    lane === 'candidate' ? context.candidateQuality : context.stableQuality,
  );
}

function countBad(
  rule: Trigger,
  before: LaneCounters,
  latest: LaneCounters,
  quality: ReleaseQuality | null,
): LookBack | null {
  switch (rule.metric) {
    case 'errorRate': {
      const beyond = { hits: latest.errors - before.errors, n: latest.requests - before.requests };
      return { beyond, limit: rule.over };
    }
    case 'endToEndP95':
      return {
        beyond: slowerThan(since(before.endToEnd, latest.endToEnd), rule.over),
        limit: SLOWER_SHARE,
      };
    case 'qualityShortfall': {
      if (quality === null || quality.release !== latest.release) return null;
      const hits = latest.quality.hits - before.quality.hits;
      const n = latest.quality.total - before.quality.total;
      return { beyond: { hits: n - hits, n }, limit: 1 - quality.expectedShare + rule.over };
    }
    default:
      return rule.metric satisfies never;
  }
}

function counters(result: SnapshotResult | undefined, lane: 'stable' | 'candidate'): LaneCounters | null {
  return result?.kind === 'snapshot' ? result.snapshot.lanes[lane] : null;
}

/** Counters of one gateway process; it resets them. */
function sameCounters(a: SnapshotResult | undefined, b: SnapshotResult | undefined): boolean {
  return (
    a?.kind === 'snapshot' &&
    b?.kind === 'snapshot' &&
    a.snapshot.processStartMs === b.snapshot.processStartMs
  );
}
