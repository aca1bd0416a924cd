import { CancellationScope, condition } from '@temporalio/workflow';

/** Stands for work that was left because something more urgent came. */
export const INTERRUPTED: unique symbol = Symbol('interrupted');

/**
 * Does the work, but leaves it at once when `urgent` becomes true: its activities are asked to end and not waited for.
 * What such an activity may still do to traffic is refused by the fence.
 */
export async function unlessUrgent<T>(
  urgent: () => boolean,
  work: () => Promise<T>,
): Promise<T | typeof INTERRUPTED> {
  if (urgent()) return INTERRUPTED;
  const working = new CancellationScope();
  const watching = new CancellationScope();
  const done = working.run(work);
  const interrupted: Promise<typeof INTERRUPTED> = watching
    .run(() => condition(urgent))
    .then(() => INTERRUPTED);
  try {
    return await Promise.race([done, interrupted]);
  } finally {
    quiet(done);
    quiet(interrupted);
    working.cancel();
    watching.cancel();
  }
}

/** The loser of the race ends as cancelled, and nobody waits for it. */
function quiet(promise: Promise<unknown>): void {
  promise.catch(() => {});
}
