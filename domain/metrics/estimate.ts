import type { MetricValue } from '../core/metric-value.ts';
import { metricValue, missing, notApplicable } from '../core/metric-value.ts';
import { formatShare } from '../core/units.ts';
import type { Count, Interval } from '../statistics/proportion.ts';
import { newcombe, wilson } from '../statistics/proportion.ts';
import type { Question } from './evidence.ts';

/** What a limit is held against, with an interval at any z. */
interface Sample {
  /** What was counted; without hits where the sample is a mean, or was read off. */
  readonly count: Count;
  /** The interval if this had been counted. */
  readonly intervalOf: (count: Count, z: number) => Interval;
}

/** One limit of a row, and what is held against it. */
export interface Bound extends Sample {
  /** In the sample's terms. */
  readonly over: number;
  /** Stable's own value in the same minutes; null where that is not known, or the sample is relative to it already. */
  readonly control: number | null;
}

/** The limits of a row, each null where the row does not have it. */
export interface Bounds<T> {
  readonly warn: T | null;
  readonly fail: T | null;
}

/** A metric of a window before it is judged. */
export interface Estimate extends Bounds<Bound> {
  /** In the metric's own terms. */
  readonly measured: MetricValue;
  /** The number as a person reads it. */
  readonly says: string;
  /** What the hits are, e.g. `errors`, and whether waiting brings more of them; null where nothing is counted. */
  readonly counted: { readonly what: string; readonly grows: boolean } | null;
  /** The limits in the metric's own terms, where the sample has others: those of a P95, in ms. */
  readonly own?: Bounds<number>;
  /** The kind of queries that it is of, where a metric is judged by kind. */
  readonly kind?: string;
}

/** An estimate of nothing, since what it needs is not there. */
export function absent(reason: string): Estimate {
  return { measured: missing(reason), says: reason, counted: null, warn: null, fail: null };
}

/** An estimate of nothing, since the metric has no meaning now. */
export function inapplicable(reason: string): Estimate {
  return { ...absent(reason), measured: notApplicable(reason) };
}

/** A sample against both limits of a row. */
export function bounds(
  { warnAbove, failAbove }: Pick<Question, 'warnAbove' | 'failAbove'>,
  sample: Sample,
  control: number | null = null,
): Bounds<Bound> {
  const bound = (over: number | null) => (over === null ? null : { ...sample, over, control });
  return { warn: bound(warnAbove), fail: bound(failAbove) };
}

/** A share of the candidate's requests, or how far it exceeds stable's. */
export function shareEstimate(
  question: Question,
  candidate: Count,
  stable: Count | null,
  what: string,
  control: number | null = null,
): Estimate {
  if (candidate.n === 0) return absent('no requests');
  const share = candidate.hits / candidate.n;
  const counted = { what, grows: true };
  if (stable === null)
    return {
      measured: metricValue(share, candidate.n),
      says: `${formatShare(share)} of ${candidate.n}`,
      counted,
      ...bounds(question, { count: candidate, intervalOf: ({ hits, n }, z) => wilson(hits, n, z) }, control),
    };
  if (stable.n === 0) return absent('no requests to compare with');
  const ofStable = stable.hits / stable.n;
  return {
    measured: metricValue(share - ofStable, candidate.n),
    says: `${formatShare(share)} of ${candidate.n} against ${formatShare(ofStable)} of ${Math.round(stable.n)}`,
    counted,
    ...bounds(question, { count: candidate, intervalOf: (count, z) => newcombe(count, stable, z) }),
  };
}

/** An estimate of what is left of another one beyond what was expected. */
export function lessExpected(estimate: Estimate, expected: number): Estimate {
  const { measured: m } = estimate;
  const less = (bound: Bound | null): Bound | null =>
    bound === null
      ? null
      : { ...bound, intervalOf: (count, z) => lessBy(bound.intervalOf(count, z), expected) };
  return {
    ...estimate,
    measured: m.kind === 'value' ? metricValue(m.value - expected, m.n) : m,
    warn: less(estimate.warn),
    fail: less(estimate.fail),
  };
}

/** An interval that lies so much lower. */
export function lessBy({ low, high }: Interval, by: number): Interval {
  return { low: low - by, high: high - by };
}

/** A number of so many samples that was read off: it is what it is. */
export function exact(question: Question, value: number, says: string, n = 1): Estimate {
  return {
    measured: metricValue(value, n),
    says,
    counted: null,
    ...bounds(question, { count: { hits: 0, n }, intervalOf: () => ({ low: value, high: value }) }),
  };
}

/** A change by a share as a person reads it. */
export function formatGrowth(share: number): string {
  return `${share < 0 ? '' : '+'}${(share * 100).toFixed(1)} %`;
}
