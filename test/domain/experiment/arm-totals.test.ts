import { describe, expect, it } from 'vitest';
import { armsOf, newTally, addReading } from '../../../domain/experiment/arm-totals.ts';
import type { ArmCounts } from '../../../domain/experiment/analysis.ts';

/** An arm whose gateway counted so many requests since it began. */
const arm = (requests: number): ArmCounts => ({
  requests,
  errors: 0,
  keys: Math.ceil(requests / 10),
  ranks: Array.from({ length: 11 }, (_, i) => (i === 0 ? requests / 2 : 0)),
});

/** Requests with the reranker and without, as the gateway that began then counts them. */
type Read = readonly [on: number, off: number, processStartMs: number];

function after(readings: readonly Read[]) {
  return readings.reduce(
    (tally, [on, off, processStartMs], i) =>
      addReading(tally, {
        kind: 'arms',
        service: 'retriever',
        takenAtMs: 0,
        processStartMs,
        uptimeMs: i,
        epoch: 1,
        experiment: 'reranker',
        arms: { on: arm(on), off: arm(off) },
        requests: 0,
        feedback: 0,
      }),
    newTally(),
  );
}

describe('the tally of an experiment', () => {
  it.each<[string, readonly Read[], readonly [on: number, off: number, restarts: number]]>([
    ['is empty before a reading', [], [0, 0, 0]],
    [
      'is the last reading, as counters only grow',
      [
        [90, 10, 1],
        [180, 20, 1],
      ],
      [180, 20, 0],
    ],
    [
      'goes on over a restart of the gateway',
      [
        [90, 10, 1],
        [40, 6, 2],
      ],
      [130, 16, 1],
    ],
    [
      'goes on over two',
      [
        [90, 10, 1],
        [40, 6, 2],
        [60, 8, 2],
        [2, 0, 3],
      ],
      [152, 18, 2],
    ],
  ])('%s', (_what, readings, [on, off, restarts]) => {
    const tally = after(readings);
    const arms = armsOf(tally);
    expect([arms.on.requests, arms.off.requests, tally.restarts]).toEqual([on, off, restarts]);
    expect(arms.on.ranks[0] ?? 0).toBe(on / 2);
  });
});
