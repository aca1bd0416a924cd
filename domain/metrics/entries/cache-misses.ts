import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';

/** Share of texts for which the encoder had to run. */
export const cacheMisses: MetricDefinition = { ...PLAIN, unit: 'share', source: 'lane' };
