/** Depth of every ranked list that is evaluated. */
export const EVALUATION_DEPTH = 50;

/** Shares 0..1 over labelled queries with one right answer each, under the names the metrics file has. */
export interface RankingMetrics {
  readonly queries: number;
  readonly R_at_1: number;
  readonly R_at_3: number;
  readonly R_at_5: number;
  readonly R_at_10: number;
  readonly R_at_20: number;
  readonly R_at_50: number;
  /** Mean of 1 / rank; 0 where the answer is not among the 50. */
  readonly MRR: number;
  /** Share of queries whose answer is among the 50 retrieved. The same as R_at_50 while there is one answer. */
  readonly Contain_at_50: number;
}

/** Rank 1.. of the right answer in a list of ids, best first; null where it is not among the first 50. */
export function rankOf(goldId: string, ids: readonly string[]): number | null {
  const at = ids.slice(0, EVALUATION_DEPTH).indexOf(goldId);
  return at === -1 ? null : at + 1;
}

/** Metrics of the right answers' ranks (null: not found). All zero for no query. */
export function rankingMetrics(ranks: readonly (number | null)[]): RankingMetrics {
  const shareOf = (sum: number) => (ranks.length === 0 ? 0 : sum / ranks.length);
  const recall = (cut: number) => shareOf(ranks.filter((rank) => rank !== null && rank <= cut).length);
  return {
    queries: ranks.length,
    R_at_1: recall(1),
    R_at_3: recall(3),
    R_at_5: recall(5),
    R_at_10: recall(10),
    R_at_20: recall(20),
    R_at_50: recall(50),
    MRR: shareOf(ranks.reduce<number>((sum, rank) => sum + (rank === null ? 0 : 1 / rank), 0)),
    Contain_at_50: recall(50),
  };
}
