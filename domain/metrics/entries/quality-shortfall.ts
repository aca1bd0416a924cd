import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';

/** How far the share of queries with a result of cosine >= tau falls short of what the release's metrics.json expects. */
export const qualityShortfall: MetricDefinition = { ...PLAIN, unit: 'points', margin: 'qualityShortfall' };
