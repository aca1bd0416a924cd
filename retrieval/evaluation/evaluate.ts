import type { RankingMetrics } from '../../domain/evaluation/ranking-metrics.ts';
import { EVALUATION_DEPTH, rankOf, rankingMetrics } from '../../domain/evaluation/ranking-metrics.ts';
import type { Hits, LabelledQuery } from './set.ts';

export interface EvaluationMetrics extends RankingMetrics {
  /** Ids of the queries whose answer was among the first five, in the set's order: the paired evidence. */
  readonly hits_at_5: readonly string[];
}

export interface EvaluateOptions {
  /** Queries under way at once; 1 where absent. */
  readonly concurrency?: number;
  readonly onProgress?: (asked: number, total: number) => void;
}

/**
 * Asks every labelled query and compares with what really came next. `ask` returns ids, best first; what it throws
 * ends the evaluation, as a share over fewer queries would not be the same number.
 */
export async function evaluate(
  queries: readonly LabelledQuery[],
  ask: (query: LabelledQuery) => Promise<readonly string[]>,
  options: EvaluateOptions = {},
): Promise<EvaluationMetrics> {
  return metricsOfHits(await askAll(queries, ask, options));
}

/** The ids each query got, at most 50, in the set's order. */
export async function askAll(
  queries: readonly LabelledQuery[],
  ask: (query: LabelledQuery) => Promise<readonly string[]>,
  { concurrency = 1, onProgress }: EvaluateOptions = {},
): Promise<Hits[]> {
  const hits: Hits[] = [];
  let asked = 0;
  const queue = queries.entries();
  const work = async () => {
    for (const [i, query] of queue) {
      const ids = await ask(query);
      hits[i] = { query_id: query.queryId, gold_id: query.goldId, top_k: ids.slice(0, EVALUATION_DEPTH) };
      onProgress?.(++asked, queries.length);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return hits;
}

/** Metrics of recorded hits. */
export function metricsOfHits(hits: readonly Hits[]): EvaluationMetrics {
  const ranks = ranksOf(hits);
  const found = hits.filter((_, i) => (ranks[i] ?? Infinity) <= 5);
  return { ...rankingMetrics(ranks), hits_at_5: found.map(({ query_id: id }) => id) };
}

/** Rank of each right answer, null where it was not found. */
export function ranksOf(hits: readonly Hits[]): (number | null)[] {
  return hits.map(({ gold_id: goldId, top_k: ids }) => rankOf(goldId, ids));
}
