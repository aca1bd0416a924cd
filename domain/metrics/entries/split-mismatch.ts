import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';

/** P-value of the split of distinct request keys against the percent (sample-ratio mismatch). */
export const splitMismatch: MetricDefinition = { ...PLAIN, unit: 'p' };
