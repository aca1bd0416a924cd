/** What users saw: requests, errors and latency by the lane that answered. */
export interface TrafficReport {
  readonly sent: number;
  readonly answered: number;
  /** Answers that were no 200, time-outs and broken connections. */
  readonly errors: number;
  /** Reason of the newest error; null while there was none. */
  readonly lastError: string | null;
  /** Answers by `lane release`. */
  readonly byRelease: Readonly<Record<string, number>>;
  /** Milliseconds from when a request was due to its last byte, over the last `RECENT` answers; null without any. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

const RECENT = 2000;

export class Tally {
  private sent = 0;
  private answered = 0;
  private errors = 0;
  private lastError: string | null = null;
  private readonly byRelease: Record<string, number> = {};
  private readonly recentMs: number[] = [];

  send(): void {
    this.sent++;
  }

  answer(release: string, latencyMs: number): void {
    this.byRelease[release] = (this.byRelease[release] ?? 0) + 1;
    this.recentMs[this.answered % RECENT] = latencyMs;
    this.answered++;
  }

  error(reason: string): void {
    this.errors++;
    this.lastError = reason;
  }

  report(): TrafficReport {
    const sorted = this.recentMs.toSorted((a, b) => a - b);
    const at = (share: number) =>
      sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
    return {
      sent: this.sent,
      answered: this.answered,
      errors: this.errors,
      lastError: this.lastError,
      byRelease: { ...this.byRelease },
      p50Ms: at(0.5),
      p95Ms: at(0.95),
    };
  }
}
