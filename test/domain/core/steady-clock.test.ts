import { describe, expect, it } from 'vitest';
import { SteadyClock } from '../../../domain/core/steady-clock.ts';

function clockAt(startMs: number) {
  let monotonicMs = 5;
  const clock = new SteadyClock(startMs, () => monotonicMs);
  return { clock, passes: (ms: number) => (monotonicMs += ms) };
}

describe('a steady clock', () => {
  it('begins with the time it is given, and counts monotonic time alone', () => {
    const { clock, passes } = clockAt(1_000_000);
    expect(clock.now()).toBe(1_000_000);
    passes(250);
    expect(clock.now()).toBe(1_000_250);
  });

  it('goes on from a later time that another process has read', () => {
    const { clock, passes } = clockAt(1_000_000);
    clock.resume(4_600_000);
    passes(250);
    expect(clock.now()).toBe(4_600_250);
  });

  it('never goes back to an earlier one', () => {
    const { clock } = clockAt(1_000_000);
    clock.resume(400_000);
    expect(clock.now()).toBe(1_000_000);
  });
});
