import { conditionalLogRatio, referenceLogRatio } from '../statistics/likelihood-ratio.ts';
import type { LaneCounts } from '../statistics/likelihood-ratio.ts';
import { formatPoints } from '../core/units.ts';
import { CUSUM_ALARM, cusum } from '../statistics/cusum.ts';
import { KINDS_OF } from '../metrics/query-kinds.ts';
import type { HarmRule } from '../plan/plan.ts';
import type { HarmAlarm } from './concurrent-control.ts';
import { kept } from './concurrent-control.ts';
import { describeHarm } from './describe-event.ts';
import type { Count } from '../statistics/proportion.ts';
import { UNCONTROLLED_TOLERANCE_FACTOR } from '../plan/plan.ts';

/** Sizes of harm that are looked for side by side, as multiples of the tolerance: one CUSUM is quickest for one of them. */
const SIZES = [2, 5, 20] as const;

/** An alarm takes at least so many minutes. */
const STEPS = 5;
/** What goes on is said again after so many intervals. */
const REPEATED_AFTER = 60;

/** What one rule carries from interval to interval, and from stage to stage. */
export interface HarmState {
  /** A CUSUM for each size of harm. */
  readonly sums: readonly number[];
  /** Stable's recent count, for when it has no users any more. */
  readonly reference: Count | null;
  /** Stretches since the alarm was raised last; null if it never was. */
  readonly intervalsSinceAlarm: number | null;
}

/**
 * One more interval of a rule: the evidence that the candidate is worse than stable by more than is tolerated, gathered for as
 * long as it takes. `expectedDifference` is by how much the candidate's hits exceed stable's as their releases promise.
 */
export function harmStep(
  before: HarmState | null,
  rule: HarmRule,
  seen: LaneCounts,
  expectedDifference: number,
  kind: string | null = null,
): { readonly state: HarmState; readonly alarm: HarmAlarm | null } {
  const reference = kept(before?.reference ?? null, seen.stable);
  const live = seen.stable.n > 0;
  const tolerance =
    rule.tolerance * (live || rule.metric === 'qualityShortfall' ? 1 : UNCONTROLLED_TOLERANCE_FACTOR);
  const sums = SIZES.map((size, i) =>
    cusum(
      before?.sums[i] ?? 0,
      logRatio(seen, reference, tolerance, size, expectedDifference),
      live ? STEPS : STEPS * UNCONTROLLED_TOLERANCE_FACTOR,
    ),
  );
  const alarmed = Math.max(...sums) >= CUSUM_ALARM;
  const intervalsSinceAlarm =
    before?.intervalsSinceAlarm === undefined || before.intervalsSinceAlarm === null
      ? null
      : before.intervalsSinceAlarm + 1;
  if (!alarmed || (intervalsSinceAlarm !== null && intervalsSinceAlarm < REPEATED_AFTER))
    return { state: { sums, reference, intervalsSinceAlarm }, alarm: null };
  // The next alarm needs a proof of its own: meanwhile a step of the ladder may have helped.
  const state = { sums: sums.map(() => 0), reference, intervalsSinceAlarm: 0 };
  const control = live ? seen.stable : reference;
  const name = harmName(rule, kind);
  const reason = describeHarm(name, tolerance, { candidate: seen.candidate, stable: control });
  return { state, alarm: { trigger: name, onAlarm: rule.onAlarm, reason } };
}

function logRatio(
  seen: LaneCounts,
  reference: Count,
  tolerance: number,
  size: number,
  expectedDifference: number,
): number {
  const [no, yes] = [expectedDifference + tolerance, expectedDifference + harmOf(tolerance, size)];
  if (seen.stable.n > 0) return conditionalLogRatio(seen, no, yes);
  return reference.n === 0 ? 0 : referenceLogRatio(seen.candidate, reference.hits / reference.n, no, yes);
}

/** So many times what is tolerated; never more than half-way from there to everything. */
function harmOf(tolerance: number, size: number): number {
  return Math.min(tolerance * size, (1 + tolerance) / 2);
}

/** `sustained errorRate over 0.2 points`: two rules of one metric differ in what they tolerate. */
export function harmName({ metric, over, tolerance }: HarmRule, kind: string | null = null): string {
  return `sustained ${metric}${kind === null ? '' : ` of ${kind} queries`}${over === null ? '' : ` x${over}`} over ${formatPoints(tolerance)}`;
}

/** Kinds of queries that a rule is accumulated for, each by itself; null: all of them together. */
export function harmKinds({ metric }: HarmRule): readonly (string | null)[] {
  return metric === 'encodeP95' || metric === 'requestP95' ? KINDS_OF[metric] : [null];
}
