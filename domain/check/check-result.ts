import type { MetricValue } from '../core/metric-value.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Bound, Bounds, Estimate } from '../metrics/estimate.ts';
import type { Count, Interval } from '../statistics/proportion.ts';
import { describeResult, nameOf } from './describe-result.ts';
import type { CheckedRow, Limits } from './classify.ts';
import { classify } from './classify.ts';
import { distanceOf } from './sensitivity.ts';

/** One judged row: what was measured, the interval that decided, and why. */
export interface CheckResult<Row extends CheckedRow> {
  readonly row: Row;
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

/** How a row's verdict is found. */
export interface CheckRule {
  /** As they are applied. */
  readonly limits: Limits;
  /** Whether the measured value decides, and not its interval. */
  readonly point: boolean;
  /** Of the interval that proves a row beyond its limit. */
  readonly z: number;
  /** Of the interval that has to lie within it; 0: the measured value has to. */
  readonly passZ: number;
}

/** The verdict on an estimate of a row's metric. */
export function checkEstimate<Row extends CheckedRow>(
  row: Row,
  estimate: Estimate,
  { limits, point, z, passZ }: CheckRule,
): CheckResult<Row> {
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
  const verdictAt = (count: Count, failAt: number, passAt: number): Verdict => {
    const at = (level: number) => (limit: 'warn' | 'fail') =>
      intervalAt(estimate[limit] ?? first, first, count, level);
    return count.n < row.minSamples ? 'inconclusive' : classify(limits, at(failAt), at(passAt));
  };
  const verdict =
    point && m.n >= row.minSamples
      ? classify(own === undefined ? limits : ownLimits(own), () => ({ low: m.value, high: m.value }))
      : verdictAt(first.count, z, passZ);
  return {
    ...of,
    verdict,
    interval: first.intervalOf(first.count, z),
    reason: describeResult({ row, estimate, verdict, limits, point, samples: m.n }),
    distance:
      counted === null
        ? null
        : distanceOf({ count: first.count, ...counted }, verdict, (count) =>
            point ? verdictAt(count, 0, 0) : verdictAt(count, z, passZ),
          ),
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
