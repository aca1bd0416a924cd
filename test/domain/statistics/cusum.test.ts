import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CUSUM_ALARM, cusum } from '../../../domain/statistics/cusum.ts';

const step = (sum: number, ratio: number) => cusum(sum, ratio, 5);

describe('cusum', () => {
  it('stays between 0 and the alarm, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true })), (ratios) => {
        const sum = ratios.reduce(step, 0);
        expect(sum).toBeGreaterThanOrEqual(0);
        expect(sum).toBeLessThanOrEqual(CUSUM_ALARM);
      }),
    );
  });

  it('is not alarmed by four gross steps, and by five', () => {
    const after = (steps: number) => Array.from({ length: steps }, () => 1e9).reduce(step, 0);
    expect(after(4)).toBeLessThan(CUSUM_ALARM);
    expect(after(5)).toBeGreaterThanOrEqual(CUSUM_ALARM);
  });

  it('forgets what was good before: harm after a good day is found as fast as at once', () => {
    const goodDay = Array.from({ length: 1440 }, () => -1);
    const harm = Array.from({ length: 14 }, () => 0.5);
    expect([...goodDay, ...harm].reduce(step, 0)).toBe(harm.reduce(step, 0));
  });
});
