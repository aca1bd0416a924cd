import { describe, expect, it } from 'vitest';
import { GatewayClock } from '../../../../serving/gateway/control/clock.ts';

const HOUR_MS = 3_600_000;
const START_MS = 1_800_000_000_000;

/** A machine whose time is as a test wants it. */
function machine() {
  const is = { wallMs: START_MS, monotonicMs: 90_000.25, bootId: 'first' as string | null };
  return {
    is,
    passes(ms: number) {
      is.wallMs += ms;
      is.monotonicMs += ms;
    },
    /** Another boot: monotonic time begins at zero. */
    reboot(ms: number) {
      is.wallMs += ms;
      is.monotonicMs = 3_000;
      is.bootId = 'second';
    },
    /** A gateway's process that begins now. */
    clock: () =>
      new GatewayClock({ wallMs: () => is.wallMs, monotonicMs: () => is.monotonicMs, bootId: is.bootId }),
  };
}

describe("the gateway's clock", () => {
  it.each([HOUR_MS, -HOUR_MS])('counts no step of the wall clock by %d ms, and shows it', (stepMs) => {
    const { is, clock, passes } = machine();
    const gateway = clock();
    const before = gateway.now();
    is.wallMs += stepMs;
    passes(4_000);
    expect(gateway.now() - before).toBe(4_000);
    expect(gateway.aheadMs()).toBe(stepMs);
  });

  it.each([
    ['as it was', 0],
    ['set back by an hour', -HOUR_MS],
    ['set forward by an hour', HOUR_MS],
  ])('goes on exactly over a restart within one boot, the wall clock %s', (_, stepMs) => {
    const { is, clock, passes } = machine();
    const reading = clock().read();
    is.wallMs += stepMs;
    passes(2_500);
    const next = clock();
    next.goOn(reading);
    expect(next.now() - reading.steadyMs).toBe(2_500);
  });

  it.each([
    ['what the wall clock says has passed', 5_000, 5_000],
    ['nothing where it was set back', -HOUR_MS, 0],
    ['an hour where it was set forward', HOUR_MS, HOUR_MS],
  ])('over another boot counts %s', (_, ms, counted) => {
    const { clock, reboot } = machine();
    const reading = clock().read();
    reboot(ms);
    const next = clock();
    next.goOn(reading);
    expect(next.now() - reading.steadyMs).toBe(counted);
  });

  it.each([
    ['does not say which boot it is', null],
    ['has a monotonic clock that began again in the same boot, as in another container', 'first'],
  ])('believes the wall clock where the system %s', (_, bootId) => {
    const { is, clock, reboot } = machine();
    is.bootId = bootId;
    const reading = clock().read();
    reboot(7_000);
    is.bootId = bootId;
    const next = clock();
    next.goOn(reading);
    expect(next.now() - reading.steadyMs).toBe(7_000);
  });
});
