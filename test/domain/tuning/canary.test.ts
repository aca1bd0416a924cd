import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../../domain/core/verdict.ts';
import { windowBetween } from '../../../domain/metrics/window.ts';
import type { CanaryChange } from '../../../domain/tuning/canary.ts';
import { describeCanary, evaluateCanary } from '../../../domain/tuning/canary.ts';
import type { LaneDelta } from '../../support/lane-traffic.ts';
import { windowOf } from '../../support/lane-traffic.ts';

const GOOD: LaneDelta = {
  release: 'v-1',
  requests: 2_000,
  errors: 2,
  latencies: [[1, 5]],
  qualityShare: 0.9,
};
const LOWERED: CanaryChange = { from: 12, to: 8, targetMs: 8 };
const RAISED: CanaryChange = { from: 8, to: 12, targetMs: 8 };

function windowWith(did: LaneDelta) {
  const result = windowBetween(...windowOf({ ...GOOD, ...did }, {}));
  if (result.kind !== 'window' || result.window.stable === null) throw new Error('no window');
  return result.window.stable;
}

const verdictOn = (did: LaneDelta, change: CanaryChange, before: LaneDelta = {}) => {
  const { verdict, rows } = evaluateCanary(windowWith(before), windowWith(did), change);
  return { verdict, metrics: rows.filter((of) => of.verdict === verdict).map(({ row }) => row.metric) };
};

describe('a lane with another nprobe', () => {
  it.each<[string, LaneDelta, CanaryChange, Verdict, readonly string[]]>([
    ['as before passes', {}, LOWERED, 'pass', ['errorRate', 'retrievalP95', 'qualityShortfall']],
    ['with errors fails', { errors: 40 }, LOWERED, 'fail', ['errorRate']],
    ['with a few errors more is not decided', { errors: 8 }, LOWERED, 'inconclusive', ['errorRate']],
    ['that was lowered and is slower fails', { latencies: [[1, 7]] }, LOWERED, 'fail', ['retrievalP95']],
    [
      'that was raised may be slower, up to the target',
      { latencies: [[1, 7]] },
      RAISED,
      'pass',
      ['errorRate', 'retrievalP95', 'qualityShortfall'],
    ],
    ['that was raised beyond the target fails', { latencies: [[1, 9]] }, RAISED, 'fail', ['retrievalP95']],
    ['that finds less fails', { qualityShare: 0.8 }, LOWERED, 'fail', ['qualityShortfall']],
  ])('%s', (_what, did, change, verdict, metrics) => {
    expect(verdictOn(did, change)).toEqual({ verdict, metrics });
  });

  it('of texts alone is judged without the quality that its queries do not have', () => {
    const texts: LaneDelta = {
      requests: 0,
      errors: 0,
      qualityShare: 0,
      kinds: { text: { requests: 2_000 } },
    };
    expect(verdictOn(texts, LOWERED, texts)).toEqual({
      verdict: 'pass',
      metrics: ['errorRate', 'retrievalP95'],
    });
  });

  it('of few requests is not decided, and says how many came', () => {
    const after = windowWith({ requests: 150, errors: 0 });
    const result = evaluateCanary(windowWith({}), after, LOWERED);
    expect(result).toEqual({ verdict: 'inconclusive', rows: [] });
    expect(describeCanary(result, after)).toBe('150 requests of at least 200');
  });
});
