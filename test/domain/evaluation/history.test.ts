import { describe, expect, it } from 'vitest';
import type { HistoryEntry } from '../../../domain/evaluation/history.ts';
import { dayOf, historyKey, medianOf, trendOf } from '../../../domain/evaluation/history.ts';

const DAY_MS = 86_400_000;
const TODAY_MS = 20_000 * DAY_MS + 3 * 3_600_000;

/** A nightly line of so many days ago. */
function night(daysAgo: number, R_at_5: number, kind: HistoryEntry['kind'] = 'nightly'): HistoryEntry {
  const named = { kind, date: `d${daysAgo}`, release: 'v1' };
  return {
    ...named,
    key: historyKey(named),
    atMs: TODAY_MS - daysAgo * DAY_MS,
    queries: 100,
    articles: 10,
    ntotal: 1_000,
    R_at_5,
    MRR: 0.5,
    Contain_at_50: 0.9,
    plain_R_at_5: R_at_5,
    reranked_R_at_5: R_at_5,
  };
}

describe('the trend', () => {
  it('[M12] is a mean of the evaluated days among seven, the oldest first', () => {
    const history = [night(0, 0.2), night(1, 0.4), night(6, 0.6), night(7, 1)];
    const trend = trendOf(history.toReversed(), 'nightly', 'R_at_5');
    expect(trend.map(({ day, value }) => [dayOf(TODAY_MS) - day, value])).toEqual([
      [7, 1],
      [6, 0.6],
      [1, 0.4],
      [0, 0.2],
    ]);
    expect(trend.map(({ rollingMean }) => rollingMean.toFixed(3))).toEqual([
      '1.000',
      '0.800',
      '0.667',
      '0.400',
    ]);
  });

  it('counts the last evaluation of a day', () => {
    const later = { ...night(0, 0.5), atMs: TODAY_MS + 1 };
    expect(trendOf([later, night(0, 0.2)], 'nightly', 'R_at_5')).toHaveLength(1);
    expect(trendOf([later, night(0, 0.2)], 'nightly', 'R_at_5')[0]?.value).toBe(0.5);
  });
});

it.each<[number[], number | null]>([
  [[], null],
  [[3], 3],
  [[4, 1], 2.5],
  [[9, 1, 2], 2],
])('the median of %j is %s', (values, median) => {
  expect(medianOf(values)).toBe(median);
});
