import { SLOWER_SHARE } from '../metrics/histogram.ts';
import { definitionOf } from '../metrics/registry.ts';
import type { GateRow, Plan } from '../plan/plan.ts';
import type { Interval } from '../statistics/proportion.ts';
import type { Verdict } from '../core/verdict.ts';
import { WITHOUT_CONTROL } from '../plan/plan.ts';

/** A row's limits as they are applied to a share. */
export interface Limits {
  readonly warn: number | null;
  readonly red: number | null;
  /** Green is proven to lie within this. */
  readonly within: number;
}

/**
 * The limits that a row's share is held against. `stable` is what stable's own share is in the same minutes, null where that is not
 * known. The judge `sequential` asks for a proof up to the stage's margin (a test of non-inferiority), takes a limit that stable does
 * not keep either for as high as stable lies, and is three times as wide where stable has no users to compare with.
 */
export function limitsOf(plan: Plan, row: GateRow, stable: number | null, percent: number): Limits {
  const first = row.warnOver ?? row.redOver ?? 0;
  if (plan.judge === 'literal') return { warn: row.warnOver, red: row.redOver, within: first };
  const widened = widenedBy(plan, row, percent);
  const shared = row.against === 'limit' && stable !== null ? Math.max(0, stable - first) : 0;
  const moved = (limit: number | null) => (limit === null ? null : limit * widened + shared);
  const margin = row.decide === 'point' ? 0 : marginOf(plan, row, percent);
  return {
    warn: moved(row.warnOver),
    red: moved(row.redOver),
    within: (first + margin) * widened + shared,
  };
}

function marginOf(plan: Plan, { metric }: GateRow, percent: number): number {
  const { margin } = definitionOf(metric);
  const margins = plan.stages.find((stage) => stage.percent === percent)?.margins;
  return margin === null ? 0 : (margins?.[margin] ?? 0);
}

/**
 * How many times as wide a row's limits are where no users of stable are left to compare with: its last window was another time of
 * the day, and a spike that hits both lanes is seen on one. The proxy's are not wider: what a release promises holds at any time.
 */
function widenedBy(plan: Plan, { metric }: GateRow, percent: number): number {
  const alone = percent >= 100 && definitionOf(metric).needsControl;
  return plan.judge !== 'literal' && alone ? WITHOUT_CONTROL : 1;
}

/** A P95 row as a question about the share that is slower than its limit, of which there may be 5 %. */
export function asSlowShare(row: GateRow): GateRow {
  return { ...row, against: 'limit', warnOver: SLOWER_SHARE, redOver: null };
}

/** Green where the interval lies within; warn or red where it lies beyond a limit; else not proven. */
export function intervalVerdict({ low, high }: Interval, { warn, red, within }: Limits): Verdict {
  if (red !== null && low > red) return 'red';
  if (warn !== null && low > warn) return 'warn';
  return high <= within ? 'green' : 'unknown';
}

/** Whether the measured value decides, and not its interval. */
export function byPoint(plan: Plan, row: GateRow): boolean {
  return plan.judge === 'literal' || row.decide === 'point';
}
