import { describe, expect, it } from 'vitest';
import { alertNotification } from '../../../domain/alerts/alert-message.ts';
import type { EvaluationRecord } from '../../../domain/alerts/evaluations.ts';
import { evaluateOnce } from '../../../domain/alerts/evaluate-rules.ts';
import { LEAST_CONTAINMENT } from '../../../domain/evaluation/limits.ts';
import { START, evaluated, shippedRules } from '../../support/alert-polls.ts';

const rules = shippedRules();
const look = (records: readonly EvaluationRecord[]) => evaluateOnce(rules, 'v-1', records, START);
const verdictOf = (rule: string, records: readonly EvaluationRecord[]) =>
  look(records).findings.find((finding) => finding.rule === rule)?.verdict;
const now = (rAt5: number, of: Partial<EvaluationRecord> = {}) =>
  evaluated(0, { rAt5, expectedRAt5: rAt5, ...of });
const week = (rAt5: number, days = 7) => Array.from({ length: days }, (_, i) => evaluated(i + 1, { rAt5 }));

describe('[W5] the rule on R@5 against the nights before', () => {
  it.each<[string, number, EvaluationRecord[], string]>([
    ['allows three points under the median', 0.77, week(0.8), 'pass'],
    ['[W4] does not allow more than three points', 0.769, week(0.8), 'fail'],
    ['takes a rise for no drift', 0.9, week(0.8), 'pass'],
    ['does not know without history', 0.8, [], 'inconclusive'],
    ['does not know by two nights', 0.1, week(0.8, 2), 'inconclusive'],
    ['knows by three nights', 0.1, week(0.8, 3), 'fail'],
    [
      'takes the median, which one bad night does not move',
      0.76,
      [...week(0.8, 6), evaluated(7, { rAt5: 0.1 })],
      'fail',
    ],
    [
      'does not count nights of over a week ago',
      0.1,
      [8, 9, 10, 11].map((ago) => evaluated(ago, { rAt5: 0.8 })),
      'inconclusive',
    ],
    [
      'does not count weekly evaluations',
      0.1,
      week(0.8).map((one) => ({ ...one, kind: 'weekly' })),
      'inconclusive',
    ],
    ['does not count the night itself', 0.1, [...week(0.8, 2), now(0.1)], 'inconclusive'],
  ])('%s', (_, rAt5, history, verdict) => {
    expect(verdictOf('recall-drift', [...history, now(rAt5)])).toBe(verdict);
  });
});

describe('the rule on Contain@50', () => {
  it.each([
    [0.8, 'pass'],
    [0.7999, 'fail'],
    [0.99, 'pass'],
  ])('finds %f %s', (containAt50, verdict) => {
    expect(verdictOf('containment-warning', [now(0.8, { containAt50 })])).toBe(verdict);
  });

  it('has the limit that the chart and the comparison of releases have', () => {
    expect(rules.rules.find(({ name }) => name === 'containment-warning')?.limit).toBe(LEAST_CONTAINMENT);
  });
});

describe('the rules on R@5 against what the release promised', () => {
  it.each([
    [0.8, []],
    [0.751, []],
    [0.75, []],
    [0.749, ['warning']],
    [0.7, ['warning']],
    [0.699, ['critical']],
  ])('%f after 0.8 is notified as %j', (rAt5, severities) => {
    const { events } = look([now(rAt5, { expectedRAt5: 0.8 })]);
    expect(events.map(({ alert }) => alert.severity)).toEqual(severities);
  });

  it('do not know where the release does not say, which is no all-clear', () => {
    const { findings } = look([now(0.8, { expectedRAt5: null })]);
    expect(findings.find(({ rule }) => rule === 'recall-critical')).toMatchObject({
      verdict: 'inconclusive',
      measured: { reason: 'metrics.json of v-1 promises no R@5' },
    });
  });
});

describe('one look at an evaluation', () => {
  it('finds nothing clear of a release that was not evaluated', () => {
    const { findings, events } = look([evaluated(0, { release: 'other' })]);
    expect([...new Set(findings.map(({ verdict }) => verdict))]).toEqual(['inconclusive']);
    expect(events).toEqual([]);
  });

  it('says nothing of rules that are not about evaluations', () => {
    expect(look([now(0.8)]).findings.map(({ rule }) => rule)).toEqual([
      'recall-critical',
      'recall-warning',
      'containment-warning',
      'recall-drift',
      'containment-dip',
      'reranker-regression',
    ]);
  });

  it('leads to the messages that a monitor would send, with their keys', () => {
    const [event] = look([now(0.6, { expectedRAt5: 0.8 })]).events;
    if (event === undefined) throw new Error('nothing fires');
    const about = { service: 'retriever', taskQueue: 'q', scene: null };
    const keyOf = (lane: 'stable' | null, nowMs: number) => {
      const alert = { ...event.alert, lane, sinceMs: nowMs };
      return alertNotification({ ...event, alert }, rules, { ...about, nowMs }).dedupeKey;
    };
    expect(keyOf('stable', START + 60_000)).toBe(keyOf(null, START));
  });
});
