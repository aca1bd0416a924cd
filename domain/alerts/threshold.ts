import type { AlertMetric, AlertRule } from './rules.ts';
import { ALERT_METRICS } from './rules.ts';
import type { MetricValue } from '../core/metric-value.ts';
import { HAIR } from '../rules/bad-share.ts';
import type { RuleVerdict } from '../rules/series.ts';
import { metricValue, missing } from '../core/metric-value.ts';

/** One lane under one rule at one moment. */
export interface AlertReading {
  readonly verdict: RuleVerdict;
  readonly measured: MetricValue;
  /** The input is missing that the rule looks at: `inconclusive` for another reason than a quiet time. */
  readonly unseen?: true;
  /** The reason in words, of a metric that has more than one. */
  readonly why?: string;
  /** When the evaluation was made that it is read from. */
  readonly evaluationMs?: number;
}

/** A value against the rule's limit, as the value of so many samples. */
export function valueReading({ metric, limit }: AlertRule, value: number, n: number): AlertReading {
  const read = metricValue(value, n, metric);
  if (read.kind !== 'value') return { verdict: 'inconclusive', measured: read, unseen: true };
  return {
    verdict: isWorse(metric, value, limit) ? 'fail' : 'pass',
    measured: read,
  };
}

/** Whether a value lies beyond the limit, on the metric's worse side. */
function isWorse(metric: AlertMetric, value: number, limit: number): boolean {
  return ALERT_METRICS[metric].worse === 'over' ? value > limit + HAIR : value < limit - HAIR;
}

/** Too little is known for a breach or an all-clear, as in a quiet time, or of what a release does not have. */
export function few(reason: string): AlertReading {
  return { verdict: 'inconclusive', measured: missing(reason) };
}

/** What the rule looks at is not there, though it should be: nothing is known, and that is no all-clear. */
export function unseen(reason: string): AlertReading {
  return { ...few(reason), unseen: true };
}

/**
 * Too few samples: unseen where not one came, of at least twice as many as the rule needs, else a quiet time.
 * `expected` is how many there should be.
 */
export function fewSamples({ minSamples }: AlertRule, n: number, expected: number): AlertReading {
  return n === 0 && expected >= 2 * minSamples
    ? unseen(`no sample of about ${Math.floor(expected)} that were to come`)
    : few(`${n} of ${minSamples} samples`);
}
