import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';

/** Share of judged requests of every kind that the lane failed. */
export const errorRate: MetricDefinition = {
  ...PLAIN,
  unit: 'share',
  margin: 'errorRate',
  needsControl: true,
  confirmed: true,
};
