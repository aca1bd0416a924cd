import { describe, expect, it } from 'vitest';
import type { Baseline } from '../../../domain/rollback/baseline-recovery.ts';
import {
  describeRecovery,
  evaluateRecovery,
  readBaseline,
} from '../../../domain/rollback/baseline-recovery.ts';
import type { Verdict } from '../../../domain/core/verdict.ts';
import { windowBetween } from '../../../domain/metrics/window.ts';
import type { LaneDelta } from '../../support/lane-traffic.ts';
import { windowOf } from '../../support/lane-traffic.ts';

const BASELINE: Baseline = {
  release: 'v-1',
  errorRate: 0.001,
  retrievalP95Ms: 4,
  endToEndP95Ms: 5,
  rerankP95Ms: 0.5,
  qualityShare: 0.9,
};
const GOOD: LaneDelta = { requests: 1_000, errors: 1, latencies: [[1, 3]], qualityShare: 0.9 };

function windowWith(did: LaneDelta) {
  const result = windowBetween(...windowOf(did, {}));
  if (result.kind !== 'window' || result.window.stable === null) throw new Error('no window');
  return { stable: result.window.stable };
}

function recoveryOf(did: LaneDelta) {
  return evaluateRecovery(BASELINE, windowWith(did).stable);
}

describe('metrics after a rollback', () => {
  it.each<[string, LaneDelta, Verdict, readonly string[]]>([
    ['as before are back', GOOD, 'pass', []],
    ['a little slower are back', { ...GOOD, latencies: [[1, 4.4]] }, 'pass', []],
    ['without reranking are back', { ...GOOD, rerankMs: null }, 'pass', []],
    ['with errors are not', { ...GOOD, errors: 40 }, 'fail', ['errorRate']],
    ['twice as slow are not', { ...GOOD, latencies: [[1, 9]] }, 'fail', ['retrievalP95', 'endToEndP95']],
    ['with slower reranking are not', { ...GOOD, rerankMs: 2 }, 'fail', ['rerankP95']],
    ['of other answers are not', { ...GOOD, qualityShare: 0.7 }, 'fail', ['qualityShortfall']],
    [
      'of few requests say nothing',
      { ...GOOD, requests: 40, errors: 0 },
      'inconclusive',
      ['errorRate', 'retrievalP95', 'endToEndP95', 'rerankP95', 'qualityShortfall'],
    ],
    [
      'with some errors more are not proven either way',
      { ...GOOD, errors: 5 },
      'inconclusive',
      ['errorRate'],
    ],
  ])('%s', (_what, did, verdict, deciding) => {
    const result = recoveryOf(did);
    expect(result.verdict).toBe(verdict);
    const notPassed = result.rows.filter((of) => of.verdict === verdict && verdict !== 'pass');
    expect(notPassed.map(({ row }) => row.metric)).toEqual(deciding);
  });

  it('of a metric without a baseline have no row', () => {
    const { stable } = windowWith(GOOD);
    const { rows } = evaluateRecovery({ ...BASELINE, rerankP95Ms: null, qualityShare: null }, stable);
    expect(rows.map(({ row }) => row.metric)).toEqual(['errorRate', 'retrievalP95', 'endToEndP95']);
  });

  it('that are not back say which, with their numbers', () => {
    expect(describeRecovery(recoveryOf({ ...GOOD, errors: 40 }))).toBe(
      'errorRate: 4.00 % of 1000, beyond 0.3 %',
    );
  });
});

describe('a baseline file', () => {
  it.each([
    ['that was not measured', { kind: 'missing', reason: 'no traffic' }, /was not measured: no traffic/],
    ['without a release', { kind: 'window', errorRate: 0 }, /release: must be a text/],
    ['without errors', { kind: 'window', release: 'v-1', errorRate: null }, /errorRate: must be a number/],
    ['that is no object', 'v-1', /no object/],
  ])('%s is refused', (_what, raw, says) => {
    expect(readBaseline(raw)).toMatchObject({ problem: expect.stringMatching(says) });
  });

  it('[E7.1] with a number that was not measured says so', () => {
    expect(readBaseline({ ...BASELINE, rerankP95Ms: null })).toMatchObject({
      baseline: { rerankP95Ms: null, errorRate: 0.001 },
    });
  });
});
