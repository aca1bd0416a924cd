import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';

const KIND_LATENCY = {
  ...PLAIN,
  unit: 'ms',
  margin: 'slow',
  needsControl: true,
  againstStableOnly: true,
  byKind: true,
} as const;

/** P95 of encoding a text for which the model ran. */
export const encodeP95: MetricDefinition = KIND_LATENCY;

/** P95 of the whole request as the gateway saw it. */
export const requestP95: MetricDefinition = KIND_LATENCY;
