import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';

/** R@5 that metrics.json promises minus R@5 measured by the stage's evaluation. */
export const rAt5Drop: MetricDefinition = { ...PLAIN, unit: 'points', source: 'evaluation' };
