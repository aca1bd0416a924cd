import type { RankingMetrics } from '../../domain/evaluation/ranking-metrics.ts';
import { rankingMetrics } from '../../domain/evaluation/ranking-metrics.ts';
import type { Interval } from '../../domain/statistics/proportion.ts';
import { pairedDifference, zFor } from '../../domain/statistics/proportion.ts';
import { ranksOf } from './evaluate.ts';
import type { Hits } from './set.ts';

export interface HitsComparison {
  readonly before: RankingMetrics;
  readonly after: RankingMetrics;
  /** Rise of R@5 as a share, with its paired 95 % interval. */
  readonly lift: { readonly value: number; readonly interval: Interval };
}

/**
 * Two runs of the same queries, compared query by query, in any order of lines.
 * @throws Error naming a query that is missing, twice, or has another answer in one of them; or if there is none
 */
export function compareHits(before: readonly Hits[], after: readonly Hits[]): HitsComparison {
  const paired = new Map(after.map((hits) => [hits.query_id, hits]));
  if (before.length === 0) throw new Error('there are no hits to compare');
  if (paired.size !== after.length || new Set(before.map((hits) => hits.query_id)).size !== before.length)
    throw new Error('a query is in one of the files twice');
  if (before.length !== after.length)
    throw new Error(`the files have ${before.length} and ${after.length} queries: these cannot be paired`);
  const ordered = before.map(({ query_id: id, gold_id: gold }) => {
    const other = paired.get(id);
    if (other === undefined) throw new Error(`query ${id} is not in the second file`);
    if (other.gold_id !== gold) throw new Error(`query ${id} has two answers: ${gold} and ${other.gold_id}`);
    return other;
  });
  const [ranksBefore, ranksAfter] = [ranksOf(before), ranksOf(ordered)];
  const found = (rank: number | null | undefined) => rank !== null && rank !== undefined && rank <= 5;
  const count = (was: boolean) =>
    ranksBefore.filter((rank, i) => found(rank) === was && found(ranksAfter[i]) === !was).length;
  const [lost, gained, n] = [count(true), count(false), before.length];
  return {
    before: rankingMetrics(ranksBefore),
    after: rankingMetrics(ranksAfter),
    lift: { value: (gained - lost) / n, interval: pairedDifference(gained, lost, n, zFor(0.95, 1)) },
  };
}
