import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packEvidence, unpackEvidence } from '../../domain/packed-evidence.ts';
import type { Evidence } from '../../domain/reading.ts';
import { windowBetween } from '../../domain/window.ts';
import { windowOf } from './traffic.ts';

describe('packed evidence', () => {
  it('is what it was, and small', () => {
    const measured = windowBetween(
      ...windowOf(
        {},
        {
          latencies: [
            [0.9, 2],
            [0.1, 30],
          ],
        },
      ),
    );
    if (measured.kind !== 'window') throw new Error(measured.reason);
    const evidence: Evidence = {
      window: measured.window,
      reference: measured.window.stable,
      candidateQuality: { release: 'r', tau: 0.6, expectedShare: 0.9, rAt5: 0.8, queries: 10 },
      stableQuality: null,
      evaluation: { kind: 'missing', reason: 'none was made' },
      looks: 9,
    };
    const packed = packEvidence(evidence);
    expect(unpackEvidence(packed)).toEqual(evidence);
    expect(JSON.stringify(packed).length).toBeLessThan(6_000);
  });

  it('keeps every histogram, whatever its counts', () => {
    const boundsMs = [1, 2, 4, 8];
    const counts = fc.array(fc.nat(1_000), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(counts, counts, (a, b) => {
        const evidence = { a: { boundsMs, counts: a }, b: [{ boundsMs: [1, 2, 4, 9], counts: b }], c: null };
        const back = unpackEvidence(JSON.parse(JSON.stringify(packEvidence(evidence as never))));
        expect(back).toEqual(evidence);
      }),
    );
  });
});
