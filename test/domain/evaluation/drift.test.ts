import { describe, expect, it } from 'vitest';
import type { CleanQuality } from '../../../domain/evaluation/drift.ts';
import { driftNotifications, judgeDrift } from '../../../domain/evaluation/drift.ts';
import type { HistoryEntry } from '../../../domain/evaluation/history.ts';
import { dayOf, historyKey, medianOf, trendOf } from '../../../domain/evaluation/history.ts';
import { measured, missing } from '../../../domain/core/metric-value.ts';

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

const quality = (rAt5: number, changed: Partial<CleanQuality> = {}): CleanQuality => ({
  release: 'v1',
  atMs: TODAY_MS,
  rAt5: measured(rAt5, 100),
  mrr: measured(0.5, 100),
  containAt50: measured(0.9, 100),
  expectedRAt5: measured(rAt5, 100),
  ...changed,
});

const verdictOf = (rule: string, of: CleanQuality, history: readonly HistoryEntry[] = []) =>
  judgeDrift(of, history).find((finding) => finding.rule === rule);

const week = (value: number, days = 7) => Array.from({ length: days }, (_, i) => night(i + 1, value));

describe('[W5] R@5 against the nights before', () => {
  it.each<[string, number, HistoryEntry[], string]>([
    ['three points under the median are allowed', 0.77, week(0.8), 'green'],
    ['[W4] more than three points are not', 0.769, week(0.8), 'warn'],
    ['a rise is no drift', 0.9, week(0.8), 'green'],
    ['without history it is unknown', 0.8, [], 'unknown'],
    ['two nights are too few', 0.1, week(0.8, 2), 'unknown'],
    ['three nights are enough', 0.1, week(0.8, 3), 'warn'],
    ['one bad night does not move the median', 0.76, [...week(0.8, 6), night(7, 0.1)], 'warn'],
    ['nights of over a week ago do not count', 0.1, [8, 9, 10, 11].map((ago) => night(ago, 0.8)), 'unknown'],
    ['the weekly ones do not count', 0.1, week(0.8).map((one) => ({ ...one, kind: 'weekly' })), 'unknown'],
    ['today itself does not count', 0.1, [...week(0.8, 2), night(0, 0.1)], 'unknown'],
  ])('%s', (_, rAt5, history, verdict) => {
    expect(verdictOf('recallUnderMedian', quality(rAt5), history)?.verdict).toBe(verdict);
  });
});

describe('Contain@50', () => {
  it.each([
    [0.8, 'green'],
    [0.7999, 'warn'],
    [0.99, 'green'],
  ])('%f is %s', (value, verdict) => {
    const found = verdictOf('containment', quality(0.8, { containAt50: measured(value, 100) }));
    expect(found?.verdict).toBe(verdict);
  });
});

describe('R@5 against what the release promised', () => {
  it.each([
    [0.8, 'green', null],
    [0.751, 'green', null],
    [0.75, 'warn', 'warning'],
    [0.7, 'warn', 'warning'],
    [0.699, 'red', 'critical'],
  ])('%f after 0.8 is %s, told as %s', (now, verdict, severity) => {
    const of = quality(now, { expectedRAt5: measured(0.8, 100) });
    expect(verdictOf('recallUnderRelease', of)?.verdict).toBe(verdict);
    const told = driftNotifications(night(0, now), judgeDrift(of, []));
    expect(told.map((one) => one.severity)).toEqual(severity === null ? [] : [severity]);
  });

  it('is unknown where the release does not say, and never green', () => {
    const of = quality(0.8, { expectedRAt5: missing('metrics.json is not there') });
    expect(verdictOf('recallUnderRelease', of)).toMatchObject({
      verdict: 'unknown',
      reason: 'R@5 of v1 when it was built: metrics.json is not there',
    });
  });
});

it('nothing that was measured is green', () => {
  const nothing = missing('no samples');
  const findings = judgeDrift(quality(0, { rAt5: nothing, containAt50: nothing }), week(0.8));
  expect(findings.map(({ verdict }) => verdict)).toEqual(['unknown', 'unknown', 'unknown']);
});

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
