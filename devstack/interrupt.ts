export interface Interruption {
  /** Resolves with why to stop: a signal, or what `now` was given. */
  readonly reason: Promise<string>;
  now(reason: string): void;
  bySignal(): boolean;
  /** Gives the signals back, so that the process may end. */
  release(): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Turns Ctrl-C and its like into one promise. Repeated signals change nothing: a terminal sends Ctrl-C to a whole
 * group and npm and tsx pass it on as well, so one key press arrives more than once.
 */
export function untilInterrupted(): Interruption {
  const cause = new AbortController();
  let signalled = false;
  const onSignal = (signal: NodeJS.Signals) => {
    signalled = true;
    cause.abort(signal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return {
    reason: new Promise((resolve) => {
      cause.signal.addEventListener('abort', () => resolve(String(cause.signal.reason)), { once: true });
    }),
    now: (reason) => cause.abort(reason),
    bySignal: () => signalled,
    release() {
      for (const signal of SIGNALS) process.removeListener(signal, onSignal);
    },
  };
}
