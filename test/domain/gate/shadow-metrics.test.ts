import { describe, expect, it } from 'vitest';
import { evaluateGate } from '../../../domain/gate/evaluate-gate.ts';
import type { GateCheck } from '../../../domain/plan/plan.ts';
import type { Evidence } from '../../../domain/metrics/evidence.ts';
import { meanDifference } from '../../../domain/statistics/proportion.ts';
import type { ShadowCounters } from '../../../domain/metrics/snapshot.ts';
import { windowBetween } from '../../../domain/metrics/window.ts';
import { aPlan } from '../../support/a-plan.ts';
import { counters, snapshot } from '../../support/lane-traffic.ts';
import type { Verdict } from '../../../domain/core/verdict.ts';

const NONE = Array.from({ length: 11 }, () => 0);
/** All of n queries with the same overlap, in tenths. */
const all = (tenths: number, n: number) => NONE.with(tenths, n);

const BEFORE: ShadowCounters = {
  release: 'v0',
  against: 'v-1',
  both: 50,
  onlyStable: 5,
  onlyCandidate: 0,
  neither: 5,
  overlap: all(9, 60),
  selfOverlap: all(10, 15),
};

/** A window in which this was shadowed, behind a beginning that must not count. */
function shadowed(during: Partial<ShadowCounters> | null, more: Partial<Evidence> = {}): Evidence {
  const add = (a: readonly number[], b: readonly number[] = NONE) => a.map((count, i) => count + (b[i] ?? 0));
  const after: ShadowCounters | null = during && {
    ...BEFORE,
    ...during,
    both: BEFORE.both + (during.both ?? 0),
    onlyStable: BEFORE.onlyStable + (during.onlyStable ?? 0),
    onlyCandidate: BEFORE.onlyCandidate + (during.onlyCandidate ?? 0),
    neither: BEFORE.neither + (during.neither ?? 0),
    overlap: add(BEFORE.overlap, during.overlap),
    selfOverlap: add(BEFORE.selfOverlap, during.selfOverlap),
  };
  const lanes = (times: number) =>
    [counters({ release: 'v-1' }, times), counters({ release: 'v0' }, times)] as const;
  const result = windowBetween(
    snapshot(0, ...lanes(1), { percent: 5, shadow: BEFORE }),
    snapshot(60_000, ...lanes(2), { percent: 5, shadow: after }),
  );
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

function row(metric: GateCheck['metric'], over: number): GateCheck {
  return {
    metric,
    compareTo: 'limit',
    warnAbove: null,
    failAbove: over,
    onFail: 'hold',
    useInterval: true,
    minSamples: 100,
    remediation: [],
    dryRun: false,
  };
}

const judged = (rows: readonly GateCheck[], seen: Evidence) => evaluateGate(aPlan(), rows, seen, 0);

describe('a paired drop of hits, 5 points allowed', () => {
  const rows = [row('shadowQualityDrop', 0.05)];
  const expecting = (share: number) =>
    shadowed(
      { both: 600, onlyStable: 60, onlyCandidate: 0, neither: 0 },
      {
        candidateQuality: { release: 'v0', expectedShare: share },
      },
    );
  it.each<[string, Evidence, Verdict]>([
    ['[A10] passes where both hit the same queries', shadowed({ both: 300, neither: 20 }), 'pass'],
    [
      'passes where as many queries are lost as gained',
      shadowed({ both: 280, onlyStable: 10, onlyCandidate: 10 }),
      'pass',
    ],
    ['fails where a tenth of the queries is lost', shadowed({ both: 600, onlyStable: 70 }), 'fail'],
    ['passes where the releases foretell that tenth', expecting(0.85), 'pass'],
    ['does not know without samples', shadowed({}), 'inconclusive'],
    ['does not know with few of them', shadowed({ both: 60 }), 'inconclusive'],
    ['does not know between the two', shadowed({ both: 120, onlyStable: 8 }), 'inconclusive'],
    [
      'does not know without the expected share of the candidate',
      shadowed({ both: 300 }, { candidateQuality: null }),
      'inconclusive',
    ],
    [
      'does not know without the expected share of stable',
      shadowed({ both: 300 }, { stableQuality: null }),
      'inconclusive',
    ],
  ])('%s', (_, seen, verdict) => {
    expect(judged(rows, seen)).toMatchObject({ verdict });
  });

  it('needs fewer requests than two separate shares: what both miss is no noise', () => {
    const paired = judged(rows, shadowed({ both: 200, neither: 100, onlyStable: 2, onlyCandidate: 2 }));
    const { low = -1, high = 1 } = paired.rows[0]?.interval ?? {};
    // Newcombe's interval of two shares of 66 % of 300 is 15 points wide.
    expect(high - low).toBeLessThan(0.04);
    expect(paired.reason).toContain('all 1 rows pass');
  });

  it('is inconclusive where somebody turned the shadow off, and no other row makes up for it', () => {
    const seen = shadowed(null);
    const { rows: verdicts } = judged(rows, seen);
    expect(verdicts[0]?.measured).toMatchObject({ kind: 'missing' });
    expect(judged([...rows, row('errorRate', 0.05)], seen).verdict).toBe('inconclusive');
  });
});

describe('overlap@10 under the noise floor, 10 points allowed', () => {
  const rows = [row('shadowOverlap', 0.1)];
  it.each<[string, Partial<ShadowCounters>, Verdict]>([
    [
      'passes where the candidate is as near as stable to itself',
      { both: 200, overlap: all(9, 200), selfOverlap: all(9, 50) },
      'pass',
    ],
    [
      'fails where stable is steady and the candidate differs in half of the ids',
      { both: 200, overlap: all(5, 200), selfOverlap: all(10, 50) },
      'fail',
    ],
    [
      'is no worse where stable itself is that unsteady',
      { both: 200, overlap: all(5, 200), selfOverlap: all(5, 50) },
      'pass',
    ],
    ['does not know without a noise floor', { both: 200, overlap: all(9, 200) }, 'inconclusive'],
  ])('%s', (_, during, verdict) => {
    expect(judged(rows, shadowed(during))).toMatchObject({ verdict });
  });
});

describe('the difference of two means', () => {
  // Welch, by hand: means 0.9 and 0.5, variances of the means 0.01/1 and 0.
  it('has the standard error of both samples', () => {
    const counts = NONE.with(8, 2).with(10, 2);
    const compared = meanDifference(counts, all(5, 1_000_000), (i) => i / 10, 2);
    expect(compared?.difference).toBeCloseTo(0.4, 6);
    expect(compared?.interval.low).toBeCloseTo(0.4 - 2 * Math.sqrt(0.04 / 12), 4);
  });

  it('is not certain of ten equal values, nor of one', () => {
    const of = (n: number) => meanDifference(all(10, n), all(10, n), (i) => i / 10, 2)?.interval.high ?? 0;
    expect(of(1)).toBeGreaterThan(of(10));
    expect(of(10)).toBeGreaterThan(0);
    expect(of(1000)).toBeLessThan(0.001);
  });
});
