import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  newcombe,
  normalQuantile,
  pairedDifference,
  splitPValue,
  wilson,
  zFor,
} from '../../../domain/statistics/proportion.ts';

const Z95 = 1.959964;

describe('normalQuantile', () => {
  // Percentage points of the standard normal distribution, as any table has them.
  it.each([
    [0.5, 0],
    [0.8, 0.841621],
    [0.9, 1.281552],
    [0.975, 1.959964],
    [0.99, 2.326348],
    [0.995, 2.575829],
    [0.9995, 3.290527],
    [0.025, -1.959964],
  ])('of %f is %f', (p, z) => {
    expect(Math.abs(normalQuantile(p) - z)).toBeLessThan(5e-4);
  });
});

describe('wilson', () => {
  it.each([
    // Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3.
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('%i of %i is between %f and %f', (hits, n, low, high) => {
    expect(wilson(hits, n, Z95).low).toBeCloseTo(low, 4);
    expect(wilson(hits, n, Z95).high).toBeCloseTo(high, 4);
  });
});

describe('newcombe', () => {
  it.each([
    // Newcombe, Statistics in Medicine 17 (1998) 873, table II, method 10.
    [56, 70, 48, 80, 0.0524, 0.3339],
    [9, 10, 3, 10, 0.1705, 0.809],
    [5, 56, 0, 29, -0.0381, 0.1926],
    [0, 10, 0, 20, -0.1611, 0.2775],
  ])('%i/%i against %i/%i differs by %f to %f', (a, m, b, n, low, high) => {
    const interval = newcombe({ hits: a, n: m }, { hits: b, n }, Z95);
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
  });
});

describe('pairedDifference', () => {
  it('is narrow and around zero where nothing changed', () => {
    const { low, high } = pairedDifference(0, 0, 800, Z95);
    expect(low).toBeLessThan(0);
    expect(high).toBeLessThan(0.005);
    expect(high).toBeGreaterThan(0);
  });

  it('proves a loss of 60 of 100 queries to be more than 40 points', () => {
    expect(pairedDifference(60, 0, 100, Z95).low).toBeGreaterThan(0.4);
  });

  it('counts what was gained against what was lost', () => {
    const { low, high } = pairedDifference(30, 30, 500, Z95);
    expect(low).toBeCloseTo(-high, 10);
  });
});

describe('splitPValue', () => {
  it.each([
    [500, 9500, 0.05, 1, 1],
    [600, 9400, 0.05, 0, 0.0001],
    [530, 9470, 0.05, 0.1, 0.25],
  ])('%i of the keys against %i at a share of %f', (candidate, stable, share, least, most) => {
    const p = splitPValue(candidate, stable, share);
    expect(p).toBeGreaterThanOrEqual(least - 1e-6);
    expect(p).toBeLessThanOrEqual(most + 1e-6);
  });
});

describe('any interval', () => {
  const counts = fc
    .integer({ min: 1, max: 5000 })
    .chain((n) => fc.record({ hits: fc.integer({ min: 0, max: n }), n: fc.constant(n) }));

  it('holds what was measured', () => {
    fc.assert(
      fc.property(counts, counts, (a, b) => {
        const share = wilson(a.hits, a.n, 2.5);
        const difference = newcombe(a, b, 2.5);
        const measured = a.hits / a.n - b.hits / b.n;
        expect(
          share.low <= a.hits / a.n + 1e-12 &&
            share.high >= a.hits / a.n - 1e-12 &&
            difference.low <= measured + 1e-12 &&
            difference.high >= measured - 1e-12,
        ).toBe(true);
      }),
    );
  });

  it('is wider the more often one may look', () => {
    expect(zFor(0.95, 1)).toBeCloseTo(Z95, 2);
    expect(zFor(0.95, 9)).toBeGreaterThan(zFor(0.95, 5));
    expect(zFor(0.95, 5)).toBeGreaterThan(zFor(0.95, 1));
  });
});
