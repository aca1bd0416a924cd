import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BOUNDS_MS,
  EMPTY,
  histogramOf,
  observed,
  plus,
  quantileMs,
  since,
  slowerThan,
  total,
} from '../../../domain/metrics/histogram.ts';
import { windowBetween } from '../../../domain/metrics/window.ts';
import { counters, snapshot, soundLane } from '../../support/lane-traffic.ts';

describe('a window', () => {
  const lane = counters({});
  it('is the difference of its ends', () => {
    const result = windowBetween(
      snapshot(0, lane, lane),
      snapshot(9, counters({}, 3), counters({ errors: 4 })),
    );
    expect(result.kind).toBe('window');
    if (result.kind !== 'window') return;
    expect(result.window.stable?.errors).toEqual({ hits: 0, n: 2000 });
    expect(result.window.candidate?.errors.hits).toBe(4);
  });

  it.each([
    ['is reset by a restart of the gateway', { processStartMs: 2 }, 'reset'],
    ['is reset by another percent', { percent: 25 }, 'reset'],
  ])('%s', (_, closing, kind) => {
    expect(windowBetween(snapshot(0, lane, lane), snapshot(9, lane, lane, closing)).kind).toBe(kind);
  });

  it.each([
    ['whose end is the body of its beginning knows nothing', 0, 60_000, 0, 'missing'],
    ['whose end is an older body than its beginning knows nothing', 3_600_000, 60_000, 3_000_000, 'missing'],
    ['whose end is an old body starts again', 0, 3_600_000, 300_000, 'reset'],
    ['whose beginning was an old body starts again', 0, 60_000, 3_600_000, 'reset'],
    ['of half a minute that ends with a body of its first seconds starts again', 0, 30_000, 5_000, 'reset'],
    ['that ends with a body of a minute ago is one', 0, 3_600_000, 3_540_000, 'window'],
  ])('%s', (_, fromUptimeMs, tookMs, toUptimeMs, kind) => {
    const result = windowBetween(
      snapshot(0, lane, lane, { uptimeMs: fromUptimeMs }),
      snapshot(tookMs, counters({}, 3), lane, { uptimeMs: toUptimeMs }),
    );
    expect(result.kind).toBe(kind);
    expect('reason' in result ? result.reason : '').toMatch(
      kind === 'window' ? /^$/ : /^no data: the metrics st/,
    );
  });

  it('knows nothing of a lane that answers with what it counted before', () => {
    const own = { ...soundLane(1000), uptimeSeconds: 5 };
    const result = windowBetween(
      snapshot(0, lane, { ...lane, own }, {}),
      snapshot(60_000, counters({}, 3), null, { lanes: { stable: null, candidate: { ...lane, own } } }),
    );
    expect(result.kind === 'window' && result.window.candidate?.own.kind).toBe('missing');
  });

  it('is missing where an end is, with the reason', () => {
    const missing = { kind: 'missing', reason: 'the gateway does not answer' } as const;
    expect(windowBetween(missing, snapshot(9, lane, lane))).toEqual(missing);
    expect(windowBetween(snapshot(0, lane, lane), missing)).toEqual(missing);
  });

  it('has no counters for a lane that served another release at its beginning', () => {
    const result = windowBetween(
      snapshot(0, lane, counters({ release: 'old' })),
      snapshot(9, lane, counters({ release: 'new' })),
    );
    expect(result.kind === 'window' && result.window.candidate).toBeNull();
  });
});

describe('a histogram', () => {
  const counts = BOUNDS_MS.map((bound) => ([2, 8, 10, 20].includes(Math.round(bound * 1e6) / 1e6) ? 10 : 0));
  const histogram = histogramOf([...counts, 10]);
  it('counts a bucket that the limit cuts as slower', () => {
    expect(slowerThan(histogram, 10)).toEqual({ hits: 20, n: 50 });
    expect(slowerThan(histogram, 10.1)).toEqual({ hits: 20, n: 50 });
    expect(slowerThan(histogram, 9.9)).toEqual({ hits: 30, n: 50 });
    expect(slowerThan(histogram, 0.1)).toEqual({ hits: 50, n: 50 });
  });

  it.each([
    [0.2, 2],
    [0.4, 8],
    [0.8, 20],
    [0.99, 5000],
  ])('has its quantile %f at %f ms', (share, ms) => {
    expect(quantileMs(histogram, share)).toBeCloseTo(ms, 6);
  });

  it('has no quantile without observations', () => {
    expect(quantileMs(histogramOf([...BOUNDS_MS, 0].map(() => 0)), 0.95)).toBeNull();
  });

  it('is the sum of its parts, less one of them the other', () => {
    const histograms = fc
      .dictionary(fc.nat(BOUNDS_MS.length).map(String), fc.integer({ min: 1, max: 9 }))
      .map((of) => histogramOf([...BOUNDS_MS, 0].map((_, bucket) => of[bucket] ?? 0)));
    fc.assert(
      fc.property(histograms, histograms, (a, b) => {
        const both = plus(a, b);
        expect(total(both)).toBe(total(a) + total(b));
        expect(since(a, both)).toEqual(b);
        expect(since(b, both)).toEqual(a);
        expect(slowerThan(both, 8).hits).toBe(slowerThan(a, 8).hits + slowerThan(b, 8).hits);
      }),
    );
  });

  it('has a place for every latency', () => {
    expect(quantileMs(observed(EMPTY, 1e9), 0.5)).toBe(5000);
    expect(quantileMs(observed(EMPTY, 0), 1)).toBeCloseTo(0.25, 6);
  });
});
