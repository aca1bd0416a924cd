import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';

/**
 * Hits of stable that the candidate missed minus its hits that stable missed, as a share of the queries that both answered in the
 * shadow, beyond what the releases' metrics.json expect.
 */
export const shadowQualityDrop: MetricDefinition = { ...PLAIN, unit: 'points', source: 'shadow' };

/** How far overlap@10 of the candidate with stable lies under that of stable asked twice. */
export const shadowOverlap: MetricDefinition = { ...PLAIN, unit: 'points', source: 'shadow' };
