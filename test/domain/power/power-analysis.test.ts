import { describe, expect, it } from 'vitest';
import { analysePower } from '../../../domain/power/power-analysis.ts';
import { evaluateGate } from '../../../domain/gate/evaluate-gate.ts';
import { windowBetween } from '../../../domain/metrics/window.ts';
import { aPlan } from '../../support/a-plan.ts';
import { windowOf } from '../../support/lane-traffic.ts';

const runbook = aPlan();

describe('what a plan can detect', () => {
  it.each([
    ['runbook-48h', 20],
    ['demo', 150],
  ])('%s can pass at %i requests/s', (name, rate) => {
    expect(analysePower(aPlan({}, name), rate).refusals).toEqual([]);
  });

  it('[P6] at one request in 20 seconds is refused, by stage and row', () => {
    const { refusals } = analysePower(runbook, 0.05);
    expect(refusals[0]).toEqual({
      code: 'tooFewSamples',
      stage: 'canary-5',
      metric: 'errorRate',
      compareTo: 'stable',
      requestsAtMost: 38,
      minSamples: 300,
    });
  });

  it('without margins 5 % of 2 requests/s cannot prove 0.2 points', () => {
    const bare = { ...runbook, stages: runbook.stages.map((stage) => ({ ...stage, margins: NONE })) };
    const { rows, refusals } = analysePower(bare, 2);
    expect(refusals).toContainEqual({
      code: 'cannotPass',
      stage: 'canary-5',
      metric: 'errorRate',
      compareTo: 'stable',
      requestsAtMost: rows[0]?.requestsAtMost,
    });
  });

  it('counts what rows look at: one answer in a hundred, one query in ten in the shadow', () => {
    const { rows, refusals } = analysePower(runbook, 1);
    const samples = (metric: string) => rows.find((row) => row.metric === metric)?.requestsAtMost;
    expect([samples('errorRate'), samples('nearDuplicates'), samples('shadowQualityDrop')]).toEqual([
      765, 8, 1530,
    ]);
    expect(analysePower(runbook, 0.5).refusals).toContainEqual({
      code: 'tooFewSamples',
      stage: 'canary-5',
      metric: 'nearDuplicates',
      compareTo: 'limit',
      requestsAtMost: 4,
      minSamples: 5,
    });
    expect(refusals).toEqual([]);
  });

  it('grows finer with the traffic', () => {
    const effect = (rate: number) => analysePower(runbook, rate).rows[0]?.minimumDetectableEffect ?? NaN;
    expect(effect(1)).toBeGreaterThan(effect(20));
    expect(effect(20)).toBeGreaterThan(effect(500));
    expect(effect(500)).toBeGreaterThan(0.002);
  });

  it('warns where an emergency at 5 % takes longer to prove than the runbook allows', () => {
    expect(analysePower(runbook, 1).warnings).toContainEqual({
      code: 'slowEmergency',
      stage: 'canary-5',
      minutes: 40,
    });
    expect(analysePower(runbook, 20).emergencies[0]).toEqual({ stage: 'canary-5', minutes: 4 });
  });

  it('of no traffic at all is nothing', () => {
    const { rows, refusals, warnings } = analysePower(runbook, 0);
    expect(rows.every((row) => row.minimumDetectableEffect === null && row.passAfterMs === null)).toBe(true);
    expect(refusals.length).toBeGreaterThan(20);
    expect(warnings).toContainEqual({ code: 'noRequests', stage: 'canary-5' });
  });
});

describe('effective limits', () => {
  const rowOf = (rate: number, stage: string, compareTo: 'limit' | 'stable') =>
    analysePower(runbook, rate).rows.find(
      (row) => row.stage === stage && row.metric === 'errorRate' && row.compareTo === compareTo,
    );

  /** What the gate says of a candidate that failed so many, beside a stable of usual quality (0.1 % errors). */
  function verdict(compareTo: 'limit' | 'stable', requests: number, errors: number) {
    const of = { requests: requests * 19, errors: Math.round(requests * 19 * 0.001) };
    const result = windowBetween(...windowOf(of, { requests, errors }, 5));
    if (result.kind !== 'window') throw new Error(result.reason);
    const quality = (release: string) => ({ release, ...QUALITY });
    const rows = runbook.stages[0]?.rows.filter(
      (row) => row.metric === 'errorRate' && row.compareTo === compareTo,
    );
    return evaluateGate(
      runbook,
      rows ?? [],
      {
        window: result.window,
        reference: null,
        candidateQuality: quality('v0'),
        stableQuality: quality('v-1'),
        evaluation: null,
        looks: runbook.extendAtMost + 1,
      },
      5,
    ).verdict;
  }

  it.each([
    { compareTo: 'limit', beyond: 'fail' },
    { compareTo: 'stable', beyond: 'warn' },
  ] as const)('of errors against $compareTo are where the gate passes and where it is beyond', (row) => {
    const power = rowOf(20, 'canary-5', row.compareTo);
    const { passUpTo, warnFrom, failFrom } = power?.effectiveLimits?.firstLook ?? {};
    const n = power?.requests ?? NaN;
    const base = row.compareTo === 'stable' ? 0.001 : 0;
    const errorsAt = (value: number | null | undefined) => Math.round(((value ?? NaN) + base) * n);
    const last = errorsAt(passUpTo);
    expect([last, last + 1].map((errors) => verdict(row.compareTo, n, errors))).toEqual([
      'pass',
      'inconclusive',
    ]);
    const least = errorsAt(row.beyond === 'fail' ? failFrom : warnFrom);
    expect([least - 1, least].map((errors) => verdict(row.compareTo, n, errors))).toEqual([
      'inconclusive',
      row.beyond,
    ]);
  });

  it('come nearer to what is written with more samples', () => {
    const limits = (rate: number) => rowOf(rate, 'canary-5', 'limit')?.effectiveLimits?.lastLook;
    expect(limits(20)?.failFrom).toBeLessThan(limits(2)?.failFrom ?? NaN);
    expect(limits(2_000)?.failFrom).toBeCloseTo(0.005, 3);
    expect(limits(2_000)?.passUpTo).toBeCloseTo(0.005, 3);
  });

  it('are none where the samples are too few for a verdict', () => {
    expect(rowOf(0.05, 'canary-5', 'limit')?.effectiveLimits).toEqual({ firstLook: null, lastLook: null });
  });
});

const QUALITY = { tau: 0.5, expectedShare: 0.95, rAt5: 0.6, queries: 800 };
const NONE = { errorRate: 0, slow: 0, qualityShortfall: 0 };
