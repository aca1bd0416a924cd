import type { Histogram } from '../metrics/histogram.ts';
import { since, slowerThan } from '../metrics/histogram.ts';
import { SLOWER_SHARE } from '../metrics/p95-limit.ts';
import type { Count } from '../statistics/proportion.ts';
import { wilson } from '../statistics/proportion.ts';
import type { LaneSample } from './counter-sample.ts';
import type { RuleVerdict } from './series.ts';

/** Metrics of a window whose limit allows a share of requests to be bad. */
export type ShareMetric = 'errorRate' | 'retrievalP95' | 'endToEndP95' | 'rerankP95' | 'qualityShortfall';

/** How many requests of a window were bad, and which share of them the limit allows. */
export interface BadShare {
  readonly count: Count;
  readonly allowed: number;
}

/** Shares and their limits are decimals: 0.80 - 0.75 is a little more than 0.05. */
export const HAIR = 1e-9;

type Counted = Omit<LaneSample, 'own'>;

const LATENCIES = { retrievalP95: 'retrieval', endToEndP95: 'endToEnd', rerankP95: 'rerank' } as const;

/** A lane's latencies between two samples. */
export function latenciesBetween(metric: keyof typeof LATENCIES, opening: Counted, now: Counted): Histogram {
  return since(opening[LATENCIES[metric]], now[LATENCIES[metric]]);
}

/** A lane's bad share between two samples; null where the release's promise is needed and not known. */
export function badShare(
  metric: ShareMetric,
  limit: number,
  opening: Counted,
  now: Counted,
  expectedShare: number | null,
): BadShare | null {
  switch (metric) {
    case 'errorRate':
      return {
        count: { hits: now.errors - opening.errors, n: now.requests - opening.requests },
        allowed: limit,
      };
    case 'retrievalP95':
    case 'endToEndP95':
    case 'rerankP95':
      return { count: slowerThan(latenciesBetween(metric, opening, now), limit), allowed: SLOWER_SHARE };
    case 'qualityShortfall': {
      if (expectedShare === null) return null;
      const n = now.quality.total - opening.quality.total;
      const misses = n - (now.quality.hits - opening.quality.hits);
      return { count: { hits: misses, n }, allowed: 1 - expectedShare + limit };
    }
    default:
      return metric satisfies never;
  }
}

/** Whether more was bad than is allowed, as counted. */
export function shareVerdict({ count: { hits, n }, allowed }: BadShare, minSamples: number): RuleVerdict {
  if (n < minSamples || n === 0) return 'inconclusive';
  return hits / n > allowed + HAIR ? 'fail' : 'pass';
}

/** Whether more was bad than is allowed with the whole interval at `z`. */
export function isProvenBad(
  { count: { hits, n }, allowed }: BadShare,
  minSamples: number,
  z: number,
): boolean {
  return n > 0 && n >= minSamples && wilson(hits, n, z).low > allowed;
}
