import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';

const LATENCY = { ...PLAIN, unit: 'ms', margin: 'slow', needsControl: true } as const;

/** P95 of predict + search. */
export const retrievalP95: MetricDefinition = LATENCY;

/** P95 of retrieval + rerank. */
export const endToEndP95: MetricDefinition = LATENCY;

/** P95 of reranking; not applicable while the reranker is off. */
export const rerankP95: MetricDefinition = LATENCY;
