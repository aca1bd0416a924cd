import type { ReleaseQuality } from './contract.ts';
import type { Plan, Trigger } from './plan.ts';
import type { LaneCounters, SnapshotResult } from './telemetry.ts';
import { since, slowerThan } from './window.ts';

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
  const latest = counters(snapshots.at(-1)?.result, lane);
  if (latest === null) return 'few';
  // A lane that is down or shut off answers nobody: that is a breach, not missing data.
  const down = latest.breakerOpen || latest.notReadySeconds * 1000 > context.plan.guard.notReadyMs;
  if (rule.metric === 'errorRate' && down) return 'breach';
  const opening = snapshots.findLast(
    ({ atMs, result }) => atMs <= nowMs - rule.overMs && sameCounters(result, snapshots.at(-1)?.result),
  );
  const before = counters(
    (opening ?? snapshots.find(({ result }) => sameCounters(result, snapshots.at(-1)?.result)))?.result,
    lane,
  );
  if (before === null || before.release !== latest.release) return 'few';
  return measuredStanding(
    rule,
    before,
    latest,
    lane === 'candidate' ? context.candidateQuality : context.stableQuality,
  );
}

function measuredStanding(
  rule: Trigger,
  before: LaneCounters,
  latest: LaneCounters,
  quality: ReleaseQuality | null,
): Standing {
  switch (rule.metric) {
    case 'errorRate':
      return share(
        latest.errors - before.errors,
        latest.requests - before.requests,
        rule.over,
        rule.minSamples,
      );
    case 'endToEndP95': {
      // P95 beyond the limit is the same as: more than 5 % slower than it.
      const { hits, n } = slowerThan(since(before.endToEnd, latest.endToEnd), rule.over);
      return share(hits, n, 0.05, rule.minSamples);
    }
    case 'qualityShortfall': {
      if (quality === null || quality.release !== latest.release) return 'few';
      const hits = latest.quality.hits - before.quality.hits;
      const n = latest.quality.total - before.quality.total;
      return share(n - hits, n, 1 - quality.expectedShare + rule.over, rule.minSamples);
    }
    default:
      return rule.metric satisfies never;
  }
}

function share(hits: number, n: number, over: number, minSamples: number): Standing {
  if (n < minSamples || n === 0) return 'few';
  return hits / n > over ? 'breach' : 'clear';
}

function counters(result: SnapshotResult | undefined, lane: 'stable' | 'candidate'): LaneCounters | null {
  return result?.kind === 'snapshot' ? result.snapshot.lanes[lane] : null;
}

/** Counters of one gateway process; they begin anew with it. */
function sameCounters(a: SnapshotResult | undefined, b: SnapshotResult | undefined): boolean {
  return (
    a?.kind === 'snapshot' &&
    b?.kind === 'snapshot' &&
    a.snapshot.processStartMs === b.snapshot.processStartMs
  );
}
