/**
 * A clock for durations: milliseconds since 1970 at its start, and from then on only what a monotonic clock counts. A wall
 * clock that is set back or forward moves neither a deadline nor "for ten minutes". A suspended machine counts no time.
 */
export class SteadyClock {
  private offsetMs: number;
  private readonly monotonicMs: () => number;

  /** @param monotonicMs never goes back, whatever becomes of the wall clock: `performance.now` */
  constructor(startMs: number, monotonicMs: () => number) {
    this.offsetMs = startMs - monotonicMs();
    this.monotonicMs = monotonicMs;
  }

  /** Whole milliseconds; only differences between two of them mean something. */
  readonly now = (): number => Math.floor(this.offsetMs + this.monotonicMs());

  /**
   * Goes on from a time that another process read, where this clock is behind it: that process began before the wall clock
   * was set back. Without it nothing would be due until the difference has passed.
   */
  resume(fromMs: number): void {
    this.offsetMs += Math.max(0, fromMs - this.now());
  }
}
