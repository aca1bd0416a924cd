import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';

/** Share of the top 50 whose cosine with a better result is over 0.98. */
export const nearDuplicates: MetricDefinition = { ...PLAIN, unit: 'share', source: 'lane' };
