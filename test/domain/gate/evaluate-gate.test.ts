import { describe, expect, it } from 'vitest';
import { evaluateGate } from '../../../domain/gate/evaluate-gate.ts';
import { aPlan } from '../../support/a-plan.ts';
import type { GateCheck } from '../../../domain/plan/plan.ts';
import type { Evidence } from '../../../domain/metrics/evidence.ts';
import { windowBetween } from '../../../domain/metrics/window.ts';
import type { LaneDelta } from '../../support/lane-traffic.ts';
import { windowOf } from '../../support/lane-traffic.ts';
import type { EvaluationResult } from '../../../domain/core/evaluation-result.ts';
import type { Verdict } from '../../../domain/core/verdict.ts';
import { worst } from '../../../domain/core/verdict.ts';

// The absolute excess is the demo machine's; these tests are of rows with the design's default.
const plan = { ...aPlan({}, 'demo'), p95ExcessMs: 1 };

function row(metric: GateCheck['metric'], more: Partial<GateCheck> = {}): GateCheck {
  return {
    metric,
    compareTo: 'limit',
    warnAbove: null,
    failAbove: null,
    onFail: 'hold',
    useInterval: true,
    minSamples: 100,
    remediation: [],
    dryRun: false,
    ...more,
  };
}

function evidence(
  stable: LaneDelta,
  candidate: LaneDelta,
  more: Partial<Evidence> = {},
  percent = 50,
): Evidence {
  const result = windowBetween(...windowOf(stable, candidate, percent));
  if (result.kind !== 'window') throw new Error(result.reason);
  const quality = (release: string) => ({ release, tau: 0.5, expectedShare: 0.95, rAt5: 0.6, queries: 800 });
  return {
    window: result.window,
    reference: null,
    candidateQuality: quality('v0'),
    stableQuality: quality('v-1'),
    evaluation: null,
    looks: 1,
    ...more,
  };
}

function verdictOf(rows: readonly GateCheck[], seen: Evidence) {
  return evaluateGate(plan, rows, seen, 0);
}

describe('[A3] an error rate against stable, 0.5 points allowed', () => {
  const rows = [row('errorRate', { compareTo: 'stable', warnAbove: 0.005 })];
  it.each<[string, LaneDelta, LaneDelta, Verdict]>([
    [
      'passes where both lanes fail nothing and enough was seen',
      { requests: 5000 },
      { requests: 5000 },
      'pass',
    ],
    ['does not know with few requests', { requests: 5000 }, { requests: 99 }, 'inconclusive'],
    [
      'does not know where the interval crosses the limit',
      { requests: 5000 },
      { requests: 300 },
      'inconclusive',
    ],
    [
      'warns where the whole interval lies beyond',
      { requests: 5000 },
      { requests: 5000, errors: 100 },
      'warn',
    ],
    [
      'forgives what stable has as well',
      { requests: 50_000, errors: 1000 },
      { requests: 50_000, errors: 1000 },
      'pass',
    ],
    ['does not know without any request', { requests: 5000 }, { requests: 0 }, 'inconclusive'],
    ['does not know without a stable that has users', { requests: 0 }, { requests: 5000 }, 'inconclusive'],
  ])('%s', (_, stable, candidate, verdict) => {
    expect(verdictOf(rows, evidence(stable, candidate)).verdict).toBe(verdict);
  });
});

describe('a latency', () => {
  it.each<[string, GateCheck, LaneDelta, LaneDelta, Verdict]>([
    ['passes below its limit', row('retrievalP95', { warnAbove: 8 }), {}, { latencies: [[1, 3]] }, 'pass'],
    [
      '[A4] warns where a tenth is slower',
      row('retrievalP95', { warnAbove: 8 }),
      {},
      {
        latencies: [
          [0.9, 3],
          [0.1, 12],
        ],
      },
      'warn',
    ],
    [
      'does not know where exactly 5 % are slower',
      row('retrievalP95', { warnAbove: 8 }),
      {},
      {
        latencies: [
          [0.95, 3],
          [0.05, 12],
        ],
      },
      'inconclusive',
    ],
    [
      '[P4.3] takes 8 ms itself as within 8 ms',
      row('retrievalP95', { warnAbove: 8 }),
      {},
      { latencies: [[1, 8]] },
      'pass',
    ],
    [
      '[B4] may exceed stable by 15 %',
      row('endToEndP95', { compareTo: 'stable', warnAbove: 1.15 }),
      { latencies: [[1, 9]] },
      { latencies: [[1, 10]] },
      'pass',
    ],
    [
      'may exceed a quick stable by 1 ms',
      row('endToEndP95', { compareTo: 'stable', warnAbove: 1.15 }),
      { latencies: [[1, 1]] },
      { latencies: [[1, 1.8]] },
      'pass',
    ],
    [
      '[B4] warns where it is half as slow again as stable',
      row('endToEndP95', { compareTo: 'stable', warnAbove: 1.15 }),
      { latencies: [[1, 6]] },
      { latencies: [[1, 9]] },
      'warn',
    ],
    [
      'does not know where stable has no requests',
      row('endToEndP95', { compareTo: 'stable', warnAbove: 1.15 }),
      { requests: 0 },
      {},
      'inconclusive',
    ],
  ])('%s', (_, tested, stable, candidate, verdict) => {
    expect(verdictOf([tested], evidence(stable, candidate)).verdict).toBe(verdict);
  });

  it('[P4.3] of a reranker that is off does not apply, and does not count', () => {
    const judged = verdictOf(
      [row('rerankP95', { warnAbove: 2 }), row('retrievalP95', { warnAbove: 8 })],
      evidence({}, { rerankMs: null }),
    );
    expect(judged.verdict).toBe('pass');
    expect(judged.rows[0]?.measured.kind).toBe('notApplicable');
  });
});

describe('the quality proxy', () => {
  const rows = [
    row('qualityShortfall', { compareTo: 'stable', failAbove: 0.05 }),
    row('qualityShortfall', { compareTo: 'stable', failAbove: 0.2, onFail: 'rollback' }),
  ];
  it.each<[string, number, number, Verdict, 'hold' | 'rollback' | null]>([
    ['[B2] passes where both lanes meet what their releases expect', 0.95, 0.95, 'pass', null],
    ['passes where both fall short alike', 0.8, 0.8, 'pass', null],
    ['[B6] holds after a drop of 10 points', 0.95, 0.85, 'fail', 'hold'],
    ['[B6] rolls back after a drop of 60 points', 0.95, 0.35, 'fail', 'rollback'],
  ])('%s', (_, stable, candidate, verdict, onFail) => {
    const judged = verdictOf(
      rows,
      evidence({ qualityShare: stable, requests: 3000 }, { qualityShare: candidate, requests: 3000 }),
    );
    expect([judged.verdict, judged.onFail]).toEqual([verdict, onFail]);
  });

  it('does not know where the release does not say what to expect', () => {
    expect(verdictOf(rows, evidence({}, {}, { candidateQuality: null })).verdict).toBe('inconclusive');
  });
});

describe('an evaluation, 2 points warn and 5 fail', () => {
  const rows = [row('rAt5Drop', { warnAbove: 0.02, failAbove: 0.05 })];
  const evaluated = (lost: number, gained: number): EvaluationResult => ({
    kind: 'evaluated',
    release: 'v0',
    atMs: 0,
    queries: 1000,
    rAt5: 0.6 - (lost - gained) / 1000,
    mrr: 0.5,
    containAt50: 0.9,
    expected: { rAt5: 0.6, mrr: 0.5, containAt50: 0.9 },
    lostAt5: lost,
    gainedAt5: gained,
    file: '',
  });
  it.each<[string, EvaluationResult | null, Verdict]>([
    ['[C6] passes where nothing was lost', evaluated(0, 0), 'pass'],
    ['passes where more was found than before', evaluated(0, 60), 'pass'],
    ['warns at 3.5 points', evaluated(35, 0), 'warn'],
    ['fails at 10 points', evaluated(100, 0), 'fail'],
    ['does not know without one', null, 'inconclusive'],
    [
      'does not know where it could not be made',
      { kind: 'missing', reason: 'the lane did not answer' },
      'inconclusive',
    ],
  ])('%s', (_, evaluation, verdict) => {
    expect(verdictOf(rows, evidence({}, {}, { evaluation })).verdict).toBe(verdict);
  });
});

describe('a gate', () => {
  it.each<[readonly Verdict[], Verdict]>([
    [['pass', 'fail', 'inconclusive', 'warn'], 'fail'],
    [['pass', 'inconclusive', 'warn'], 'warn'],
    [['pass', 'inconclusive'], 'inconclusive'],
    [['pass', 'pass'], 'pass'],
    [[], 'inconclusive'],
  ])('of %j is %s: the worst counts', (verdicts, expected) => {
    expect(worst(verdicts)).toBe(expected);
  });

  it('names the ladder step of the row that warned', () => {
    const rows = [
      row('errorRate', { failAbove: 0.5 }),
      row('retrievalP95', { warnAbove: 8, remediation: ['nprobeDown'] }),
    ];
    expect(verdictOf(rows, evidence({}, { latencies: [[1, 30]] })).remediation[0]).toBe('nprobeDown');
  });

  it('tries nothing where a row warned that no step helps, whatever the others may try', () => {
    const rows = [
      row('errorRate', { warnAbove: 0.01 }),
      row('retrievalP95', { warnAbove: 8, remediation: ['nprobeDown'] }),
    ];
    const seen = evidence({}, { errors: 100, latencies: [[1, 30]] });
    expect(verdictOf(rows, seen)).toMatchObject({ verdict: 'warn', remediation: [] });
  });

  it.each([
    ['hold', []],
    ['remediate', ['nprobeDown']],
  ] as const)('of a failed row that asks for %s tries %j', (onFail, remediation) => {
    const rows = [row('retrievalP95', { failAbove: 8, onFail, remediation: ['nprobeDown'] })];
    expect(verdictOf(rows, evidence({}, { latencies: [[1, 30]] }))).toMatchObject({
      verdict: 'fail',
      onFail,
      remediation,
    });
  });

  it('[B3] is never decided by a row that only informs', () => {
    const rows = [
      row('errorRate', { failAbove: 0.5 }),
      row('rerankerAcceptance', { warnAbove: 0.01, dryRun: true }),
    ];
    expect(verdictOf(rows, evidence({}, {})).verdict).toBe('pass');
  });

  it('[A2] sees a split that is not the one that was set', () => {
    const rows = [row('splitMismatch', { warnAbove: 0.999, useInterval: false })];
    expect(verdictOf(rows, evidence({ keys: 900 }, { keys: 100 }, {}, 5)).verdict).toBe('warn');
    expect(verdictOf(rows, evidence({ keys: 950 }, { keys: 50 }, {}, 5)).verdict).toBe('pass');
  });

  it('[D3] compares with stable at 50 % when stable has no users any more', () => {
    const { window } = evidence({ latencies: [[1, 2]] }, {});
    const rows = [row('endToEndP95', { compareTo: 'stable', warnAbove: 1.15 })];
    const at100 = (ms: number) =>
      evidence({ requests: 0 }, { latencies: [[1, ms]] }, { reference: window.stable }, 100);
    expect(verdictOf(rows, at100(2)).verdict).toBe('pass');
    expect(verdictOf(rows, at100(9)).verdict).toBe('warn');
  });
});

describe('plans/demo.yaml', () => {
  it.each(plan.stages.map((stage) => [stage.name, stage] as const))(
    'can pass at %s with its users',
    (_name, stage) => {
      const seconds = Math.min(stage.windowMs, stage.decideAtMs - stage.atMs - stage.warmUpMs) / 1000;
      const users = 150 * seconds;
      const candidate = Math.round((users * stage.percent) / 100);
      const evaluation: EvaluationResult = {
        kind: 'evaluated',
        release: 'v0',
        atMs: 0,
        queries: 828,
        rAt5: 0.67,
        mrr: 0.5,
        containAt50: 0.95,
        expected: { rAt5: 0.67, mrr: 0.5, containAt50: 0.95 },
        lostAt5: 0,
        gainedAt5: 0,
        file: '',
      };
      const keys = {
        candidate: Math.round(20 * stage.percent),
        stable: Math.round(20 * (100 - stage.percent)),
      };
      const stable = { requests: Math.round(users) - candidate, keys: keys.stable };
      const seen = evidence(
        stable,
        { requests: candidate, keys: keys.candidate },
        { evaluation, looks: plan.extendAtMost + 1 },
        stage.percent,
      );
      const reference = evidence({}, {}).window.stable;
      const pairs = Math.round((users * (plan.shadowPercent ?? 0)) / 100);
      const same = Array.from({ length: 11 }, (_, tenths) => (tenths === 10 ? pairs : 0));
      const shadow = {
        release: 'v0',
        against: 'v-1',
        both: pairs,
        onlyStable: 0,
        onlyCandidate: 0,
        neither: 0,
        overlap: same,
        selfOverlap: same,
      };
      const window = { ...seen.window, shadow };
      expect(verdictOf(stage.rows, { ...seen, window, reference }).reason).toMatch(/pass$/);
    },
  );
});
