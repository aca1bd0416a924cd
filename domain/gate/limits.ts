import type { Limits } from '../check/classify.ts';
import { writtenLimits } from '../check/classify.ts';
import type { Bound, Bounds } from '../metrics/estimate.ts';
import type { MetricDefinition } from '../metrics/metric.ts';
import type { Tolerance } from '../metrics/power-model.ts';
import type { GateCheck, Plan } from '../plan/plan.ts';
import { UNCONTROLLED_TOLERANCE_FACTOR } from '../plan/plan.ts';

/**
 * How far beyond what they say a row's limits are applied. The decision rule `sequentialTest` asks for a proof up to the stage's margin (a test of
 * non-inferiority), and is three times as wide where stable has no users to compare with: its last window was another time of the day.
 */
export function toleranceOf(
  plan: Plan,
  { useInterval }: Pick<GateCheck, 'useInterval'>,
  { margin, needsControl }: Pick<MetricDefinition, 'margin' | 'needsControl'>,
  percent: number,
): Tolerance {
  if (plan.decisionRule === 'threshold') return { times: 1, margin: 0 };
  const margins = plan.stages.find((stage) => stage.percent === percent)?.margins;
  return {
    times: percent >= 100 && needsControl ? UNCONTROLLED_TOLERANCE_FACTOR : 1,
    margin: !useInterval || margin === null ? 0 : (margins?.[margin] ?? 0),
  };
}

/** The limits that a row's samples are held against. The decision rule `sequentialTest` takes one that stable does not keep either for as high as stable lies. */
export function limitsOf(
  { decisionRule }: Plan,
  { warn, fail }: Bounds<Bound>,
  tolerance: Tolerance,
): Limits {
  const first = warn ?? fail;
  if (first === null || decisionRule === 'threshold') return writtenLimits({ warn, fail });
  const allowed = ({ control }: Bound, over: number) =>
    over * tolerance.times + (control === null ? 0 : Math.max(0, control - first.over));
  return {
    warn: warn === null ? null : allowed(warn, warn.over),
    fail: fail === null ? null : allowed(fail, fail.over),
    within: allowed(first, first.over + tolerance.margin),
  };
}

/** Whether the measured value decides, and not its interval. */
export function byPoint(plan: Plan, row: Pick<GateCheck, 'useInterval'>): boolean {
  return plan.decisionRule === 'threshold' || !row.useInterval;
}
