import { describe, expect, it } from 'vitest';
import type { Baseline } from '../../../domain/rollback/baseline-recovery.ts';
import {
  readBaseline,
  recoveryChecks,
  describeRecovery,
} from '../../../domain/rollback/baseline-recovery.ts';
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

function rowsOf(did: LaneDelta) {
  const result = windowBetween(...windowOf(did, {}));
  if (result.kind !== 'window' || result.window.stable === null) throw new Error('no window');
  return recoveryChecks(BASELINE, result.window.stable);
}

describe('metrics after a rollback', () => {
  it.each<[string, LaneDelta, string, RegExp]>([
    ['as before are back', GOOD, 'pass', /back at the baseline/],
    ['a little slower are back', { ...GOOD, latencies: [[1, 4.4]] }, 'pass', /back/],
    ['with errors are not', { ...GOOD, errors: 40 }, 'fail', /errorRate: 4.00 % of 1000, limit 0.30 %/],
    ['twice as slow are not', { ...GOOD, latencies: [[1, 9]] }, 'fail', /retrievalP95: P95 .* limit 5.00 ms/],
    ['of other answers are not', { ...GOOD, qualityShare: 0.7 }, 'fail', /qualityShare: 70.00 %/],
    [
      'of few requests say nothing',
      { ...GOOD, requests: 40, errors: 0 },
      'inconclusive',
      /40 requests of at least 100/,
    ],
    ['with some errors more are not proven either way', { ...GOOD, errors: 5 }, 'inconclusive', /errorRate/],
  ])('%s', (_what, did, verdict, says) => {
    const said = describeRecovery(rowsOf(did));
    expect(said.verdict).toBe(verdict);
    expect(said.reason).toMatch(says);
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
