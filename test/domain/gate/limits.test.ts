import { describe, expect, it } from 'vitest';
import { evaluateGate } from '../../../domain/gate/evaluate-gate.ts';
import { aPlan } from '../../support/a-plan.ts';
import type { GateCheck, Plan } from '../../../domain/plan/plan.ts';
import type { RolloutState } from '../../../domain/rollout/state.ts';
import { newRollout } from '../../../domain/rollout/state.ts';
import { withConfirmation } from '../../../domain/rollout/confirmation-window.ts';
import { windowBetween } from '../../../domain/metrics/window.ts';
import { windowOf } from '../../support/lane-traffic.ts';
import type { LaneDelta } from '../../support/lane-traffic.ts';
import type { Verdict } from '../../../domain/core/verdict.ts';
import type { GateResult } from '../../../domain/gate/gate-result.ts';

const runbook = aPlan();

const row: GateCheck = {
  metric: 'errorRate',
  compareTo: 'stable',
  warnAbove: 0.002,
  failAbove: null,
  onFail: 'hold',
  useInterval: true,
  minSamples: 100,
  remediation: [],
  dryRun: false,
};
const LIMIT: GateCheck = {
  ...row,
  compareTo: 'limit',
  warnAbove: null,
  failAbove: 0.005,
  onFail: 'rollback',
};
const QUALITY: GateCheck = { ...row, metric: 'qualityShortfall', warnAbove: null, failAbove: 0.05 };
const LATENCY: GateCheck = { ...row, metric: 'endToEndP95', warnAbove: 1.15 };

function judged(
  of: Plan['decisionRule'],
  rows: readonly GateCheck[],
  stable: LaneDelta,
  candidate: LaneDelta,
  percent: number,
): GateResult {
  const result = windowBetween(...windowOf(stable, candidate, percent));
  if (result.kind !== 'window') throw new Error(result.reason);
  const { window } = result;
  const quality = (release: string) => ({ release, tau: 0.5, expectedShare: 0.95, rAt5: 0.6, queries: 800 });
  const evidence = {
    window,
    reference: window.stable,
    candidateQuality: quality('v0'),
    stableQuality: quality('v-1'),
    evaluation: null,
    looks: runbook.extendAtMost + 1,
  };
  return evaluateGate({ ...runbook, decisionRule: of }, rows, evidence, 0);
}

const slow = (share: number): NonNullable<LaneDelta['latencies']> => [
  [1 - share, 3],
  [share, 7],
];

describe('a row under both judges', () => {
  it.each<[string, GateCheck, LaneDelta, LaneDelta, number, { threshold: Verdict; sequentialTest: Verdict }]>(
    [
      [
        '1 error more in 900 requests at 5 %: more than 0.2 points, and proves nothing',
        row,
        { requests: 17_100, errors: 17 },
        { requests: 900, errors: 3 },
        5,
        { threshold: 'warn', sequentialTest: 'pass' },
      ],
      [
        'the same share of errors at 50 % has to be proven',
        row,
        { requests: 900, errors: 1 },
        { requests: 900, errors: 3 },
        50,
        { threshold: 'warn', sequentialTest: 'inconclusive' },
      ],
      [
        'beyond for certain is beyond, whatever the margin',
        row,
        { requests: 17_100, errors: 17 },
        { requests: 900, errors: 20 },
        5,
        { threshold: 'warn', sequentialTest: 'warn' },
      ],
      [
        'a limit that stable does not keep either is no reason to go back to it',
        LIMIT,
        { requests: 50_000, errors: 400 },
        { requests: 50_000, errors: 400 },
        50,
        { threshold: 'fail', sequentialTest: 'pass' },
      ],
      [
        'but a candidate that is worse still fails',
        LIMIT,
        { requests: 50_000, errors: 400 },
        { requests: 50_000, errors: 900 },
        50,
        { threshold: 'fail', sequentialTest: 'fail' },
      ],
      [
        'at 100 %, with a stable of yesterday, three times as much is tolerated',
        row,
        { requests: 50_000, errors: 50 },
        { requests: 50_000, errors: 250 },
        100,
        { threshold: 'warn', sequentialTest: 'pass' },
      ],
      [
        'but not of the proxy, of which the release itself promises a share',
        QUALITY,
        { requests: 50_000, qualityShare: 0.95 },
        { requests: 50_000, qualityShare: 0.85 },
        100,
        { threshold: 'fail', sequentialTest: 'fail' },
      ],
      [
        '7 % slow of 900 at 5 % is a P95 beyond the limit, and within its margin',
        LATENCY,
        { requests: 17_100, latencies: slow(0.04) },
        { requests: 900, latencies: slow(0.07) },
        5,
        { threshold: 'warn', sequentialTest: 'pass' },
      ],
      [
        '20 % slow is beyond it for certain',
        LATENCY,
        { requests: 17_100, latencies: slow(0.04) },
        { requests: 900, latencies: slow(0.2) },
        5,
        { threshold: 'warn', sequentialTest: 'warn' },
      ],
    ],
  )('%s', (_, tested, stable, candidate, percent, expected) => {
    const threshold = judged('threshold', [tested], stable, candidate, percent);
    const sequentialTest = judged('sequentialTest', [tested], stable, candidate, percent);
    expect({ threshold: threshold.verdict, sequentialTest: sequentialTest.verdict }).toEqual(expected);
  });

  it('says how far it was from another verdict, and that is true', () => {
    const at = (errors: number) =>
      judged('sequentialTest', [row], { requests: 17_100, errors: 17 }, { requests: 900, errors }, 5);
    const words = at(1).rows[0]?.distance ?? '';
    const more = Number(/^warn at (\d+) more errors$/.exec(words)?.[1]);
    expect(at(1 + more).verdict).toBe('warn');
    expect(at(more).verdict).not.toBe('warn');
  });
});

describe('a second look', () => {
  const bad = { requests: 900, errors: 20 };
  const state: RolloutState = { ...newRollout('retriever', 'v0', 0), t0Ms: 0, opening: null };
  const look = (
    judgement: GateResult,
    more: Partial<RolloutState> = {},
    of: Plan['decisionRule'] = 'sequentialTest',
  ) =>
    withConfirmation({ ...runbook, decisionRule: of }, { judgement, state: { ...state, ...more } }, 0)
      .judgement.verdict;
  const errors = judged('sequentialTest', [row], { requests: 17_100 }, bad, 5);
  const both = judged(
    'sequentialTest',
    [row, LATENCY],
    { requests: 17_100 },
    { ...bad, latencies: slow(0.5) },
    5,
  );

  it.each<[string, () => Verdict, Verdict]>([
    ['is taken at errors that a spike may have left', () => look(errors), 'inconclusive'],
    ['is not taken twice', () => look(errors, { extensions: 1 }), 'warn'],
    ['is not taken where something else is wrong as well', () => look(both), 'warn'],
    ['is not taken by the decision rule threshold', () => look(errors, {}, 'threshold'), 'warn'],
    [
      'is not taken while a person is asked',
      () => look(errors, { held: { why: 'operator', reason: '' } }),
      'warn',
    ],
  ])('%s', (_, verdict, expected) => {
    expect(verdict()).toBe(expected);
  });
});
