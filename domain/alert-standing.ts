import type { AlertMetric, AlertRule } from './alert-rules.ts';
import { ALERT_METRICS } from './alert-rules.ts';
import type { Measured } from './measured.ts';
import { measured, missing } from './measured.ts';

/** One lane under one rule at one moment. */
export interface AlertReading {
  readonly standing: 'breach' | 'clear' | 'few';
  readonly measured: Measured;
  /** The reason in words, of a metric that has more than one. */
  readonly why?: string;
  /** When the evaluation was made that it is read from. */
  readonly evaluationMs?: number;
}

/** Shares and their limits are decimals: 0.80 - 0.75 is a little more than 0.05. */
const HAIR = 1e-9;

/** A value against the rule's limit, as the value of so many samples. */
export function valueReading({ metric, limit }: AlertRule, value: number, n: number): AlertReading {
  const read = measured(value, n, metric);
  if (read.kind !== 'value') return { standing: 'few', measured: read };
  return {
    standing: isWorse(metric, value, limit) ? 'breach' : 'clear',
    measured: read,
  };
}

/** Whether a value lies beyond the limit, on the metric's worse side. */
function isWorse(metric: AlertMetric, value: number, limit: number): boolean {
  return ALERT_METRICS[metric].worse === 'over' ? value > limit + HAIR : value < limit - HAIR;
}

/** Too little is known for a breach or an all-clear. */
export function few(reason: string): AlertReading {
  return { standing: 'few', measured: missing(reason) };
}
