import { describe, expect, it } from 'vitest';
import type { Snapshot } from '../../../domain/metrics/snapshot.ts';
import { sampleOf } from '../../../domain/rules/counter-sample.ts';
import { ruleStep } from '../../../domain/rules/series.ts';
import { counters, snapshot } from '../../support/lane-traffic.ts';

/** Latencies in so many buckets as a lane has. */
const SPREAD = Array.from({ length: 60 }, (_, i) => [1 / 60, 0.3 * 1.08 ** i] as const);

function busySnapshot(): Snapshot {
  const kind = { requests: 6e7, latencies: SPREAD, whole: SPREAD };
  const kinds = { text: { ...kind, encode: SPREAD }, vector: kind };
  const lane = counters({ requests: 6e7, latencies: SPREAD, kinds });
  const result = snapshot(0, lane, lane);
  if (result.kind === 'missing') throw new Error(result.reason);
  return result.snapshot;
}

/** What domain/plan/plan-consistency.ts counts with, so that no plan has a guard whose state is too large for Temporal. */
describe("the guard's state as JSON", () => {
  it('takes under 24 kB for a snapshot of three kinds', () => {
    expect(JSON.stringify(busySnapshot()).length).toBeLessThan(24_000);
  });

  it('takes under 8 kB for what triggers keep of it', () => {
    expect(JSON.stringify(sampleOf(busySnapshot(), 0)).length).toBeLessThan(8_000);
  });

  it('takes under 50 bytes for a poll of a trigger on a lane', () => {
    const timing = { pollMs: 1, forMs: 1, polls: 0, keepFiringForMs: 1, historyMs: 1 };
    const { polls } = ruleStep(null, 'inconclusive', timing, 1_764_561_589_000);
    expect(JSON.stringify(polls).length).toBeLessThan(50 + '[]'.length);
  });
});
