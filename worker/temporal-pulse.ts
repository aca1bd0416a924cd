import type { NativeConnection } from '@temporalio/worker';

const ASK_EVERY_MS = 10_000;
const ANSWER_WITHIN_MS = 5_000;

/** Asks Temporal every ten seconds whether it is there: workers that lost it for ever retry their polls and stay RUNNING. */
export class TemporalPulse {
  private readonly connection: NativeConnection;
  private answeredMs: number | null = null;
  private timer: NodeJS.Timeout | undefined;

  constructor(connection: NativeConnection) {
    this.connection = connection;
  }

  /** Asks for the first time now. */
  start(): void {
    this.timer = setInterval(() => void this.ask(), ASK_EVERY_MS);
    void this.ask();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  answeredMsAgo(): number | null {
    return this.answeredMs === null ? null : Math.round(performance.now() - this.answeredMs);
  }

  private async ask(): Promise<void> {
    const { connection } = this;
    try {
      await connection.withDeadline(Date.now() + ANSWER_WITHIN_MS, () =>
        connection.workflowService.getSystemInfo({}),
      );
      this.answeredMs = performance.now();
    } catch {
      // No answer: the last one grows older.
    }
  }
}
