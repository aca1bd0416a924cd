/** Failures in a row that open a breaker. */
const FAILURES = 5;
/** So long an open breaker lets nothing through; then one request tries. */
const OPEN_MS = 2_000;

/** Keeps requests off a lane that fails each of them, so that users do not wait for a fallback again and again. */
export class Breaker {
  private failures = 0;
  private openedMs: number | null = null;
  private trying = false;
  private readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
  }

  get state(): 'closed' | 'open' {
    return this.openedMs === null ? 'closed' : 'open';
  }

  /** Whether a request may go to the lane; an open breaker lets one through from time to time. */
  admits(): boolean {
    if (this.openedMs === null) return true;
    if (this.trying || this.now() - this.openedMs < OPEN_MS) return false;
    this.trying = true;
    return true;
  }

  succeeded(): void {
    this.reset();
  }

  failed(): void {
    this.failures++;
    this.trying = false;
    if (this.failures >= FAILURES) this.openedMs = this.now();
  }

  /** The trial request ended without an answer that says anything of the lane: its user left. */
  undecided(): void {
    this.trying = false;
  }

  reset(): void {
    this.failures = 0;
    this.openedMs = null;
    this.trying = false;
  }
}
