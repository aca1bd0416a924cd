import type { RankingMetrics } from '../../domain/evaluation/ranking-metrics.ts';
import { rankingMetrics } from '../../domain/evaluation/ranking-metrics.ts';
import type { Interval } from '../../domain/statistics/proportion.ts';
import { seededRandom } from '../build/random.ts';

const RESAMPLES = 1_000;
const CONFIDENCE = 0.95;
/** The same ranks give the same intervals. */
const SEED = 1;

type Shares = Omit<RankingMetrics, 'queries'>;

/**
 * Percentile bootstrap intervals (95 %) of the ranking metrics. Articles are drawn, not queries: queries of one article
 * depend on each other. Davison & Hinkley, Bootstrap Methods and their Application (1997), 3.8.
 * @param ranks of the right answers, null where not found; `articles[i]` is the article of query i
 */
export function bootstrapIntervals(
  ranks: readonly (number | null)[],
  articles: readonly string[],
): Readonly<Record<keyof Shares, Interval>> {
  const groups = new Map<string, (number | null)[]>();
  for (const [i, article] of articles.entries()) {
    const group = groups.get(article) ?? [];
    group.push(ranks[i] ?? null);
    groups.set(article, group);
  }
  const clusters = [...groups.values()];
  const random = seededRandom(SEED);
  const drawn = Array.from({ length: RESAMPLES }, () =>
    rankingMetrics(clusters.flatMap(() => clusters[Math.floor(random() * clusters.length)] ?? [])),
  );
  const interval = (name: keyof Shares): Interval => {
    const sorted = drawn.map((metrics) => metrics[name]).toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(RESAMPLES - 1, Math.floor(share * RESAMPLES))] ?? 0;
    return { low: at((1 - CONFIDENCE) / 2), high: at((1 + CONFIDENCE) / 2) };
  };
  return {
    R_at_1: interval('R_at_1'),
    R_at_3: interval('R_at_3'),
    R_at_5: interval('R_at_5'),
    R_at_10: interval('R_at_10'),
    R_at_20: interval('R_at_20'),
    R_at_50: interval('R_at_50'),
    MRR: interval('MRR'),
    Contain_at_50: interval('Contain_at_50'),
  };
}
