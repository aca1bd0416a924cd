import type { Verdict } from '../core/verdict.ts';
import type { Bound, Bounds } from '../metrics/estimate.ts';
import type { Metric } from '../metrics/registry.ts';
import type { Interval } from '../statistics/proportion.ts';

/** A row as far as its verdict depends on it. */
export interface CheckedRow {
  readonly metric: Metric;
  readonly compareTo: 'limit' | 'stable';
  readonly minSamples: number;
}

/** A row's limits as they are applied. */
export interface Limits extends Bounds<number> {
  /** A pass is proven to lie within this. */
  readonly within: number;
}

/** A row's limits as they are written. */
export function writtenLimits({ warn, fail }: Bounds<Bound>): Limits {
  return { warn: warn?.over ?? null, fail: fail?.over ?? null, within: (warn ?? fail)?.over ?? 0 };
}

/**
 * Warn or fail where the interval at that limit lies beyond it; pass where it lies within the first one; else inconclusive. A pass may
 * ask less than a fail does: `passAt` is the interval that has to lie within.
 */
export function classify(
  { warn, fail, within }: Limits,
  at: (limit: 'warn' | 'fail') => Interval,
  passAt = at,
): Verdict {
  if (fail !== null && at('fail').low > fail) return 'fail';
  if (warn !== null && at('warn').low > warn) return 'warn';
  return passAt(warn === null ? 'fail' : 'warn').high <= within ? 'pass' : 'inconclusive';
}
