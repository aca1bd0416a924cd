import { describe, expect, it } from 'vitest';
import type { SeenClocks, SourceClock } from '../../../domain/metrics/source-clock.ts';
import { seeClock } from '../../../domain/metrics/source-clock.ts';

/** Readings as [start of the process, uptime]; which of them are news. */
function news(readings: readonly (readonly [processStartMs: number, uptimeMs: number])[]): boolean[] {
  let seen: SeenClocks | null = null;
  return readings.map(([processStartMs, uptimeMs]) => {
    const clock: SourceClock = { processStartMs, uptimeMs };
    const step = seeClock(seen, clock);
    seen = step.seen;
    return step.moved;
  });
}

describe('a reading of a source', () => {
  it.each([
    [
      'is news where its clock has moved',
      [
        [1, 10],
        [1, 11],
      ],
      [true, true],
    ],
    [
      'is none where it is the one before again',
      [
        [1, 10],
        [1, 10],
        [1, 10],
      ],
      [true, false, false],
    ],
    [
      'is none where it is older than one that was read',
      [
        [1, 10],
        [1, 20],
        [1, 15],
        [1, 21],
      ],
      [true, true, false, true],
    ],
    [
      'of a process that began later is news',
      [
        [1, 10],
        [9, 0],
        [9, 1],
      ],
      [true, true, true],
    ],
    [
      'of the process before, out of a cache, is none',
      [
        [1, 10],
        [9, 0],
        [1, 10],
        [9, 1],
        [1, 10],
      ],
      [true, true, false, true, false],
    ],
    [
      'of a process that began while the clock was set back is news once it moves',
      [
        [9, 10],
        [1, 0],
        [1, 1],
      ],
      [true, false, true],
    ],
  ] as const)('%s', (_, readings, expected) => {
    expect(news(readings)).toEqual(expected);
  });
});
