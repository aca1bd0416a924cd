import { setTimeout as pause } from 'node:timers/promises';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** Who ran for so long did not end at its start: the pauses begin with the shortest again. */
const STEADY_MS = 60_000;

interface KeepRunning {
  /** Starts it; may reject, as where it ends at once. That end is reported like any other. */
  readonly start: () => Promise<void>;
  readonly say: (text: string) => void;
  /** Ends the restarts. */
  readonly signal: AbortSignal;
}

/** What to do with each end of a process that should run: start it again, after a pause that doubles from 1 to 30 s. */
export function keepRunning({ start, say, signal }: KeepRunning): (reason: string) => void {
  let pauseMs = FIRST_PAUSE_MS;
  let startedMs = performance.now();
  async function restart(afterMs: number): Promise<void> {
    await pause(afterMs, undefined, { signal });
    startedMs = performance.now();
    await start();
  }
  return (reason) => {
    if (signal.aborted) return;
    if (performance.now() - startedMs > STEADY_MS) pauseMs = FIRST_PAUSE_MS;
    say(`${reason}; it starts again in ${pauseMs / 1000} s`);
    restart(pauseMs).catch(() => {});
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  };
}
