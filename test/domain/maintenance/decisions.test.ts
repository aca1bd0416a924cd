import { describe, expect, it } from 'vitest';
import type { IvfState, RerankerContest } from '../../../domain/maintenance/decisions.ts';
import { rebuildsIvf, retrainedWins } from '../../../domain/maintenance/decisions.ts';

const EVEN: IvfState = { trainedOn: 1_000, rows: 1_000, imbalance: 1.2, longestTimesMean: 2 };

describe('the lists', () => {
  it.each<[string, Partial<IvfState>, boolean]>([
    ['stay while the corpus grew by a tenth', { rows: 1_100 }, false],
    ['[D5, R1.2] are retrained beyond that', { rows: 1_101 }, true],
    ['stay while the corpus shrinks', { rows: 500 }, false],
    ['are retrained where a search reads over twice as much', { imbalance: 2.01 }, true],
    ['stay at twice', { imbalance: 2 }, false],
    ['[R4.1] are retrained for a hotspot', { longestTimesMean: 10.1 }, true],
  ])('%s', (_, changed, yes) => {
    const choice = rebuildsIvf({ ...EVEN, ...changed });
    expect(choice.yes).toBe(yes);
    expect(choice.reason).toMatch(/\d/);
  });
});

const TIE: RerankerContest = {
  queries: 100,
  articles: 10,
  before: { rAt5: 0.8, mrr: 0.6 },
  after: { rAt5: 0.8, mrr: 0.6 },
  lostAt5: 0,
  gainedAt5: 0,
};

describe('the retrained reranker', () => {
  it.each<[string, Partial<RerankerContest>, boolean]>([
    ['[R2.2] does not win by a tie', {}, false],
    ['[R2.2] wins by R@5', { after: { rAt5: 0.81, mrr: 0.6 }, gainedAt5: 1 }, true],
    ['does not win by MRR alone', { after: { rAt5: 0.8, mrr: 0.7 } }, false],
    ['does not win where MRR falls', { after: { rAt5: 0.81, mrr: 0.59 }, gainedAt5: 1 }, false],
    ['does not win without queries', { queries: 0, after: { rAt5: 1, mrr: 1 } }, false],
  ])('%s', (_, changed, yes) => {
    expect(retrainedWins({ ...TIE, ...changed }).yes).toBe(yes);
  });

  it('is described with both numbers and the interval', () => {
    const { reason } = retrainedWins({ ...TIE, after: { rAt5: 0.85, mrr: 0.61 }, gainedAt5: 6, lostAt5: 1 });
    expect(reason).toMatch(/R@5 0\.8000 -> 0\.8500.*6 gained, 1 lost; 95 % interval -?\d/);
  });
});
