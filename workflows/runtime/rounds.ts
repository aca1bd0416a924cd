import { ActivityFailure, TimeoutFailure } from '@temporalio/common';
import type { ActivityOptions } from '@temporalio/workflow';
import { isCancellation } from '@temporalio/workflow';

/**
 * Hears that a call goes on failing: what it does, and what its last attempt failed with. True: it is tried on. False: it fails with
 * that, and its caller decides.
 */
export type Late = (what: string, reason: string) => boolean;

/** Pauses of 0.5, 1, 2, 4, 8 and three times 10 s: most of a minute where each attempt fails at once. */
const FIRST_ATTEMPTS = 9;
/** Four hours at 10 s each: as soon as a hold is paged again, and six events of history. */
const NEXT_ATTEMPTS = 1_440;

/**
 * Temporal retries an activity without end, and tells neither the workflow nor a person why. In rounds of attempts the
 * reason of each round's last one is known.
 */
export async function inRounds<T>(
  what: string,
  retry: NonNullable<ActivityOptions['retry']>,
  late: Late,
  call: (retry: NonNullable<ActivityOptions['retry']>) => Promise<T>,
): Promise<T> {
  for (let maximumAttempts = FIRST_ATTEMPTS; ; maximumAttempts = NEXT_ATTEMPTS) {
    try {
      return await call({ ...retry, maximumAttempts });
    } catch (error) {
      if (!mayPass(error) || !late(what, lastWords(error))) throw error;
    }
  }
}

/** Attempts ran out, or nobody took the task; what fails for good is no matter of patience. */
function mayPass(error: unknown): error is ActivityFailure {
  if (isCancellation(error) || !(error instanceof ActivityFailure)) return false;
  const { retryState, cause } = error;
  return (
    retryState === 'MAXIMUM_ATTEMPTS_REACHED' || retryState === 'TIMEOUT' || cause instanceof TimeoutFailure
  );
}

/** The innermost failure is what an attempt came upon. */
function lastWords(error: Error): string {
  return error.cause instanceof Error ? lastWords(error.cause) : error.message;
}
