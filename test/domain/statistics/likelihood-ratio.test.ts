import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LaneCounts } from '../../../domain/statistics/likelihood-ratio.ts';
import {
  candidateShare,
  conditionalLogRatio,
  referenceLogRatio,
} from '../../../domain/statistics/likelihood-ratio.ts';

function lanes(candidate: readonly [number, number], stable: readonly [number, number]): LaneCounts {
  return {
    candidate: { hits: candidate[0], n: candidate[1] },
    stable: { hits: stable[0], n: stable[1] },
  };
}

const lane = fc
  .tuple(fc.integer({ min: 1, max: 100_000 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([n, share]) => ({ hits: Math.floor(n * share), n }));
const anyLanes = fc.record({ candidate: lane, stable: lane });
const excess = fc.double({ min: -0.5, max: 0.5, noNaN: true });

describe("the candidate's share of what went wrong", () => {
  it('is its share of the requests where both lanes are alike, whatever their common rate', () => {
    for (const hits of [1, 10, 100, 500])
      expect(candidateShare(lanes([hits, 1000], [hits * 19, 19_000]), 0)).toBeCloseTo(0.05, 10);
  });

  it('by hand: 20 of 2,000 in all, one point more on the candidate of half the requests', () => {
    // Stable (20 - 1,000 x 0.01) / 2,000 = 0.5 %, the candidate 1.5 %: three quarters.
    expect(candidateShare(lanes([15, 1000], [5, 1000]), 0.01)).toBeCloseTo(0.75, 10);
  });

  it('lies between 0 and 1 and grows with the excess', () => {
    fc.assert(
      fc.property(anyLanes, excess, excess, (seen, a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)].map((at) => candidateShare(seen, at));
        expect(low).toBeGreaterThan(0);
        expect(high).toBeLessThan(1);
        expect(high).toBeGreaterThanOrEqual((low ?? 0) - 1e-12);
      }),
    );
  });
});

describe('the conditional log likelihood ratio of 1 point more against 0.2', () => {
  const ratio = (seen: LaneCounts) => conditionalLogRatio(seen, 0.002, 0.01);
  it.each<[string, LaneCounts, 'harm' | 'none' | 'nothing']>([
    ['speaks for harm where only the candidate fails', lanes([10, 1000], [0, 1000]), 'harm'],
    ['speaks against it where both fail alike', lanes([10, 1000], [10, 1000]), 'none'],
    ['speaks against it in a spike of both', lanes([100, 1000], [100, 1000]), 'none'],
    ['speaks against it where stable fails more', lanes([1, 1000], [10, 1000]), 'none'],
    ['says nothing where nothing failed', lanes([0, 1000], [0, 1000]), 'nothing'],
    ['says nothing without the candidate', lanes([0, 0], [5, 1000]), 'nothing'],
    ['says nothing without stable', lanes([5, 1000], [0, 0]), 'nothing'],
  ])('%s', (_, seen, speaks) => {
    const value = ratio(seen);
    expect(value > 0 ? 'harm' : value < 0 ? 'none' : 'nothing').toBe(speaks);
  });

  it('is a finite number for whatever was counted', () => {
    fc.assert(
      fc.property(anyLanes, excess, excess, (seen, tolerated, harm) => {
        expect(Number.isFinite(conditionalLogRatio(seen, tolerated, harm))).toBe(true);
        expect(Number.isFinite(referenceLogRatio(seen.candidate, 0.01, tolerated, harm))).toBe(true);
      }),
    );
  });

  it('against a known rate is the binomial one', () => {
    const value = referenceLogRatio({ hits: 3, n: 100 }, 0.01, 0, 0.02);
    expect(value).toBeCloseTo(3 * Math.log(3) + 97 * Math.log(0.97 / 0.99), 10);
  });
});
