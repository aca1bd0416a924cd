import { describe, expect, it } from 'vitest';
import { rankingMetrics, rankOf } from '../../../domain/evaluation/ranking-metrics.ts';

describe('the rank of the right answer', () => {
  const ids = Array.from({ length: 60 }, (_, i) => `c${i}`);
  it.each([
    ['first', 'c0', 1],
    ['at the last place that counts', 'c49', 50],
    ['beyond it', 'c50', null],
    ['not at all there', 'other', null],
  ])('%s', (_, gold, rank) => {
    expect(rankOf(gold, ids)).toBe(rank);
  });
});

describe('ranking metrics', () => {
  it('are shares of the queries', () => {
    expect(rankingMetrics([1, 2, 4, 10, 40, null, null, null])).toEqual({
      queries: 8,
      R_at_1: 1 / 8,
      R_at_3: 2 / 8,
      R_at_5: 3 / 8,
      R_at_10: 4 / 8,
      R_at_20: 4 / 8,
      R_at_50: 5 / 8,
      MRR: (1 + 1 / 2 + 1 / 4 + 1 / 10 + 1 / 40) / 8,
      Contain_at_50: 5 / 8,
    });
  });

  it('are zero, not NaN, for no query', () => {
    expect(rankingMetrics([])).toMatchObject({ queries: 0, R_at_5: 0, MRR: 0 });
  });
});
