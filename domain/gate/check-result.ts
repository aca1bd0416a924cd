import type { MetricValue } from '../core/metric-value.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Bound, Bounds, Estimate } from '../metrics/estimate.ts';
import { definitionOf } from '../metrics/registry.ts';
import type { GateCheck, Plan } from '../plan/plan.ts';
import type { Count, Interval } from '../statistics/proportion.ts';
import { describeResult, nameOf } from './describe-result.ts';
import type { Limits } from './limits.ts';
import { byPoint, classify, limitsOf, toleranceOf } from './limits.ts';
import { distanceOf } from './sensitivity.ts';

/** One judged row: what was measured, the interval that decided, and why. */
export interface CheckResult {
  readonly row: GateCheck;
  /** The kind of queries that it is of, where a row is judged by kind. */
  readonly kind?: string;
  readonly verdict: Verdict;
  readonly measured: MetricValue;
  /** Of what the first limit is held against; null where nothing could be measured. */
  readonly interval: Interval | null;
  readonly reason: string;
  /** How far it was from another verdict, e.g. `fail at 12 more errors`; null where that is not a matter of counts. */
  readonly distance: string | null;
}

/** The verdict on an estimate against a row's limits at a percent; `z` is that of its intervals. */
export function checkRow(
  plan: Plan,
  row: GateCheck,
  estimate: Estimate,
  { percent, z }: { readonly percent: number; readonly z: number },
): CheckResult {
  const { measured: m, kind, own, counted } = estimate;
  const first = estimate.warn ?? estimate.fail;
  const of = { row, ...(kind === undefined ? {} : { kind }), measured: m };
  if (m.kind !== 'value' || first === null)
    return {
      ...of,
      verdict: 'inconclusive',
      interval: null,
      reason: `${nameOf(row, kind)}: ${estimate.says}`,
      distance: null,
    };
  const limits = limitsOf(plan, estimate, toleranceOf(plan, row, definitionOf(row.metric), percent));
  const point = byPoint(plan, row);
  const verdictAt = (count: Count, at: number): Verdict =>
    count.n < row.minSamples
      ? 'inconclusive'
      : classify(limits, (limit) => intervalAt(estimate[limit] ?? first, first, count, at));
  const verdict =
    point && m.n >= row.minSamples
      ? classify(own === undefined ? limits : ownLimits(own), () => ({ low: m.value, high: m.value }))
      : verdictAt(first.count, z);
  return {
    ...of,
    verdict,
    interval: first.intervalOf(first.count, z),
    reason: describeResult({ row, estimate, verdict, limits, point, samples: m.n }),
    distance:
      counted === null
        ? null
        : distanceOf({ count: first.count, ...counted }, verdict, (count) => verdictAt(count, point ? 0 : z)),
  };
}

/** Limits that hold as they are written. */
function ownLimits({ warn, fail }: Bounds<number>): Limits {
  return { warn, fail, within: warn ?? fail ?? 0 };
}

/** A bound's interval if `count` had been counted at the first one: as many more requests, and as many more hits. */
function intervalAt(bound: Bound, first: Bound, count: Count, z: number): Interval {
  if (bound.count === first.count) return bound.intervalOf(count, z);
  const { hits, n } = bound.count;
  const size = count.n / n;
  const more = count.hits - first.count.hits * size;
  return bound.intervalOf({ hits: Math.min(hits * size + more, count.n), n: count.n }, z);
}
