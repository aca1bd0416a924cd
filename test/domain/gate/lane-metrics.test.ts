import { describe, expect, it } from 'vitest';
import { evaluateGate } from '../../../domain/gate/evaluate-gate.ts';
import { listRowsByQuantile } from '../../../domain/metrics/lane-self-metrics.ts';
import type { LaneSelfMetrics } from '../../../domain/metrics/lane-self-metrics.ts';
import type { GateCheck } from '../../../domain/plan/plan.ts';
import { windowBetween } from '../../../domain/metrics/window.ts';
import { aPlan } from '../../support/a-plan.ts';
import { counters, snapshot, soundLane } from '../../support/lane-traffic.ts';
import type { Verdict } from '../../../domain/core/verdict.ts';

const plan = aPlan();

/** The runbook's row of a metric, or one much like it. */
function rowOf(metric: GateCheck['metric'], more: Partial<GateCheck> = {}): GateCheck {
  const found = plan.stages.flatMap(({ rows }) => rows).findLast((row) => row.metric === metric);
  if (found === undefined) throw new Error(`the runbook's plan has no row ${metric}`);
  return { ...found, ...more };
}

type Own = Partial<LaneSelfMetrics> | null;

/** A window of 5,000 requests in which the candidate's lane said this of itself, at its beginning and at its end. */
function judged(row: GateCheck, before: Own, after: Own, stable: Own = {}) {
  const lane = (release: string, times: number, own: Own) => ({
    ...counters({ release, requests: 5000 }, times),
    own: own === null ? null : { ...soundLane(5000 * times), ...own },
  });
  const result = windowBetween(
    snapshot(0, lane('v-1', 1, {}), lane('v0', 1, before)),
    snapshot(60_000, lane('v-1', 2, stable), lane('v0', 2, after)),
  );
  if (result.kind !== 'window') throw new Error(result.reason);
  const evidence = {
    window: result.window,
    reference: null,
    candidateQuality: null,
    stableQuality: null,
    evaluation: null,
    looks: 1,
  };
  return evaluateGate(plan, [row], evidence, 0);
}

/** Sums over the 50 answers of the window, the same share in each. */
const repeats = (share: number) => ({ duplicateShares: 50 * share, duplicateShareSquares: 50 * share ** 2 });

describe('near-duplicates in the top 50, 3 % allowed', () => {
  const row = rowOf('nearDuplicates');
  it.each<[string, Own, Own, Verdict]>([
    ['passes without any', {}, {}, 'pass'],
    ['passes with one in 50', {}, repeats(0.02), 'pass'],
    ['[A6] warns with two in 50', {}, repeats(0.04), 'warn'],
    [
      'does not know where half of the answers have none and half have six',
      {},
      { duplicateShares: 25 * 0.06, duplicateShareSquares: 25 * 0.06 ** 2 },
      'inconclusive',
    ],
    ['does not know from four answers', {}, { inspected: 54 }, 'inconclusive'],
    ['does not know where the lane did not answer at the end', {}, null, 'inconclusive'],
    ['does not know where the lane did not answer at the beginning', null, {}, 'inconclusive'],
    ['does not know where the lane was restarted', { startSeconds: 1 }, { startSeconds: 2 }, 'inconclusive'],
  ])('%s', (_, before, after, verdict) => {
    expect(judged(row, before, after).verdict).toBe(verdict);
  });
});

describe('empty answers against stable, 2 points allowed', () => {
  const row = rowOf('emptyResults');
  // Each lane's sound window has 5,000 answers.
  it.each<[string, Own, Own, Own, Verdict]>([
    ['passes where every search finds something', {}, {}, {}, 'pass'],
    ['warns where no search finds anything', {}, { emptyAnswers: 5000 }, {}, 'warn'],
    ['warns at 4 points more than stable', {}, { emptyAnswers: 200 }, {}, 'warn'],
    ['passes where stable finds as little', {}, { emptyAnswers: 200 }, { emptyAnswers: 200 }, 'pass'],
    ['does not know at the limit', {}, { emptyAnswers: 100 }, {}, 'inconclusive'],
    ['does not know where the lane did not answer', {}, null, {}, 'inconclusive'],
  ])('%s', (_, before, after, stable, verdict) => {
    expect(judged(row, before, after, stable).verdict).toBe(verdict);
  });
});

it('one answer alone proves nothing, whatever it holds', () => {
  const row = rowOf('nearDuplicates', { minSamples: 1 });
  expect(judged(row, {}, { inspected: 51 }).verdict).toBe('inconclusive');
});

/** Of a row that informs: it never decides, so its own verdict is looked at. */
const informed = (...args: Parameters<typeof judged>) => {
  const { verdict, rows } = judged(...args);
  expect(verdict).toBe('inconclusive');
  return rows[0];
};

describe('what a lane tells of itself, for information', () => {
  it.each<[string, GateCheck['metric'], Own, Own, Verdict, RegExp]>([
    [
      '[A5] misses as many texts as stable',
      'cacheMisses',
      {},
      {},
      'pass',
      /cache missed 50\.00 % of 5000 against 50\.00 %/,
    ],
    [
      'misses all that stable had',
      'cacheMisses',
      { textsCached: 2500 },
      { textsCached: 2500, textsEncoded: 7500 },
      'warn',
      /beyond 10 points/,
    ],
    ['has grown by a tenth', 'memoryGrowth', {}, { memoryBytes: 330e6 }, 'pass', /\+10\.0 %/],
    [
      '[C5] has grown by a quarter',
      'memoryGrowth',
      {},
      { memoryBytes: 375e6 },
      'warn',
      /proposed: restart the lane, drained/,
    ],
    [
      '[C4] has lists of three times the imbalance',
      'listImbalance',
      {},
      { imbalance: 3.6 },
      'warn',
      /3\.60, 1\.20 as the release was built.*proposed: retrain/,
    ],
    ['has as many rows as it was built with', 'corpusGrowth', {}, {}, 'pass', /\+0\.0 %/],
    [
      '[D5] has 11 % more rows',
      'corpusGrowth',
      {},
      { rows: 11_100 },
      'warn',
      /proposed: rebuild the index with about 105 lists/,
    ],
    ['has fewer rows', 'corpusGrowth', {}, { rows: 8_000 }, 'pass', /-20\.0 %/],
    ['was restarted', 'memoryGrowth', {}, { startSeconds: 2 }, 'inconclusive', /restarted within the window/],
    ['is down', 'memoryGrowth', {}, null, 'inconclusive', /did not say/],
  ])('%s', (_, metric, before, after, verdict, says) => {
    const row = informed(rowOf(metric), before, after);
    expect(row?.verdict).toBe(verdict);
    expect(row?.reason).toMatch(says);
  });

  it.each<[string, GateCheck['metric'], Own, Own]>([
    ['memory before its baseline is taken', 'memoryGrowth', {}, { memoryBaselineBytes: null }],
    [
      'a cache that nobody asked for a text',
      'cacheMisses',
      { textsCached: 0, textsEncoded: 0 },
      { textsCached: 0, textsEncoded: 0 },
    ],
    ['lists of a flat index', 'listImbalance', {}, { imbalance: null }],
  ])('%s does not apply', (_, metric, before, after) => {
    expect(informed(rowOf(metric), before, after)?.measured.kind).toBe('notApplicable');
  });
});

describe("the histogram of an index's lists", () => {
  it('[C4, R4.2] shows the smallest, the largest and what lies between', () => {
    const sizes = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(listRowsByQuantile(sizes)).toEqual({
      0: 1,
      0.1: 10,
      0.25: 25,
      0.5: 50,
      0.75: 75,
      0.9: 90,
      0.99: 99,
      1: 100,
    });
  });
  it('of a flat index is empty', () => expect(listRowsByQuantile([])).toEqual({}));
});
