import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';

/** Memory of the lane's process beyond what it was 15 minutes after the lane was ready, as a share of that. */
export const memoryGrowth: MetricDefinition = { ...PLAIN, unit: 'share', source: 'lane' };

/** Imbalance factor of the IVF lists, as a multiple of what it was when the release was built. */
export const listImbalance: MetricDefinition = { ...PLAIN, unit: 'ratio', source: 'lane' };

/** Rows beyond the manifest's, as a share of those. */
export const corpusGrowth: MetricDefinition = { ...PLAIN, unit: 'share', source: 'lane' };
