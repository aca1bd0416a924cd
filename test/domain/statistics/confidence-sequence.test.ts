import { describe, expect, it } from 'vitest';
import { mixtureFor, sequenceZ } from '../../../domain/statistics/confidence-sequence.ts';
import { seededRandom } from '../../../devstack/traffic/arrivals.ts';

const ALPHA = 0.05;

describe('a confidence sequence', () => {
  // Waudby-Smith et al., equation of theorem 2.2, by hand: n rho^2 = 7.9361 at the planned n for 5 %.
  it('reaches some three standard errors at its planned number, whatever that is', () => {
    for (const n of [100, 10_000, 1e6])
      expect(sequenceZ(n, mixtureFor(n, ALPHA), ALPHA)).toBeCloseTo(3.035, 2);
  });

  it('is narrowest about there, and wider than one look everywhere', () => {
    const rho = mixtureFor(1000, ALPHA);
    const at = (n: number) => sequenceZ(n, rho, ALPHA);
    expect(Math.min(...[10, 100, 1000, 10_000, 1e6].map(at))).toBeGreaterThan(1.96);
    for (const n of [50, 20_000]) {
      const own = sequenceZ(n, mixtureFor(n, ALPHA), ALPHA);
      expect(at(n)).toBeGreaterThan(own);
    }
  });

  it('leaves a mean alone that is what it is said to be, at all looks together; one look again and again does not', () => {
    const RUNS = 600;
    const LOOKS = 100;
    const EVERY = 50;
    const random = seededRandom(7);
    const rho = mixtureFor((LOOKS * EVERY) / 2, ALPHA);
    const wrong = { sequence: 0, single: 0 };
    for (let run = 0; run < RUNS; run++) {
      const left = { sequence: false, single: false };
      let sum = 0;
      for (let n = 1; n <= LOOKS * EVERY; n++) {
        sum += random() < 0.3 ? 1 : 0;
        if (n % EVERY !== 0) continue;
        const mean = sum / n;
        const errors = Math.abs(mean - 0.3) / Math.sqrt((mean * (1 - mean)) / n);
        left.sequence ||= errors > sequenceZ(n, rho, ALPHA);
        left.single ||= errors > 1.96;
      }
      wrong.sequence += Number(left.sequence);
      wrong.single += Number(left.single);
    }
    expect(wrong.sequence / RUNS).toBeLessThan(ALPHA);
    expect(wrong.single / RUNS).toBeGreaterThan(0.25);
  });
});
