import { cacheMisses } from './entries/cache-misses.ts';
import { emptyResults } from './entries/empty-results.ts';
import { errorRate } from './entries/error-rate.ts';
import { rAt5Drop } from './entries/evaluation-drop.ts';
import { encodeP95, requestP95 } from './entries/kind-latency.ts';
import { corpusGrowth, listImbalance, memoryGrowth } from './entries/lane-size.ts';
import { endToEndP95, rerankP95, retrievalP95 } from './entries/latency.ts';
import { nearDuplicates } from './entries/near-duplicates.ts';
import { qualityShortfall } from './entries/quality-shortfall.ts';
import { rerankerAcceptance, rerankerIdle } from './entries/reranker.ts';
import { shadowOverlap, shadowQualityDrop } from './entries/shadow.ts';
import { splitMismatch } from './entries/split-mismatch.ts';
import type { MetricDefinition } from './metric.ts';

/** What a gate may look at, by name. Shares are 0..1, latencies in ms, drops in shares (0.05 = 5 points). */
const REGISTRY = {
  errorRate,
  retrievalP95,
  endToEndP95,
  rerankP95,
  encodeP95,
  requestP95,
  qualityShortfall,
  splitMismatch,
  rerankerAcceptance,
  shadowQualityDrop,
  shadowOverlap,
  rerankerIdle,
  nearDuplicates,
  cacheMisses,
  memoryGrowth,
  listImbalance,
  corpusGrowth,
  rAt5Drop,
  emptyResults,
} as const satisfies Readonly<Record<string, MetricDefinition>>;

export type Metric = keyof typeof REGISTRY;

export const METRICS = Object.keys(REGISTRY) as readonly Metric[];

/** All that is known of a metric. */
export function definitionOf(metric: Metric): MetricDefinition {
  return REGISTRY[metric];
}
