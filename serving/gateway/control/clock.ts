import { readFileSync } from 'node:fs';
import { SteadyClock } from '../../../domain/core/steady-clock.ts';

/** The gateway's clock at one moment, kept beside what is counted in it. */
export interface Reading {
  readonly steadyMs: number;
  readonly wallMs: number;
  /** Of the machine's boot; null where the system does not say. */
  readonly bootId: string | null;
  /** Of the boot's monotonic clock, which all its processes share. */
  readonly monotonicMs: number;
}

/** Where a clock reads the time. */
export interface TimeSources {
  readonly wallMs: () => number;
  readonly monotonicMs: () => number;
  readonly bootId: string | null;
}

/** The system's clocks. */
function systemTime(): TimeSources {
  return {
    wallMs: () => Date.now(),
    // CLOCK_MONOTONIC: another process of the same boot can go on from it, which `performance.now` does not allow.
    monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
    bootId: readBootId(),
  };
}

/**
 * Counts leases and all other durations of a gateway: in steady time, over its restarts. Over a restart within one boot it
 * is exact. Over another boot only the wall clock says what passed; where that was set back, nothing did, so a lease has at
 * most what was left of it.
 */
export class GatewayClock {
  private readonly sources: TimeSources;
  private steady: SteadyClock;

  constructor(sources: TimeSources = systemTime()) {
    this.sources = sources;
    this.steady = new SteadyClock(sources.wallMs(), sources.monotonicMs);
  }

  /** Milliseconds; the wall clock's own as long as that was never set. */
  readonly now = (): number => this.steady.now();

  /** What the wall clock says beyond `now`, in whole seconds: less is no step of it, and shown times must not flicker. */
  aheadMs(): number {
    return Math.round((this.sources.wallMs() - this.now()) / 1000) * 1000;
  }

  read(): Reading {
    const { wallMs, monotonicMs, bootId } = this.sources;
    return { steadyMs: this.now(), wallMs: wallMs(), bootId, monotonicMs: monotonicMs() };
  }

  /** Goes on from what a gateway before this one read last. */
  goOn(from: Reading): void {
    const start = from.steadyMs + this.passedMs(from);
    this.steady = new SteadyClock(start, this.sources.monotonicMs);
  }

  private passedMs(from: Reading): number {
    const { wallMs, monotonicMs, bootId } = this.sources;
    const countedMs = monotonicMs() - from.monotonicMs;
    const isSameBoot = bootId !== null && bootId === from.bootId && countedMs >= 0;
    return isSameBoot ? countedMs : Math.max(0, wallMs() - from.wallMs);
  }
}

function readBootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null;
  }
}
