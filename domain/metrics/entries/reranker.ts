import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';

/** Share of queries whose rank 1 the reranker changed. */
export const rerankerAcceptance: MetricDefinition = { ...PLAIN, unit: 'share' };

/** Share of queries whose rank 1 the reranker left as it was. */
export const rerankerIdle: MetricDefinition = { ...PLAIN, unit: 'share' };
