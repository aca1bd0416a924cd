import { CancellationScope, sleep } from '@temporalio/workflow';

const MINUTE_MS = 60_000;
/** From one time to the next, in minutes; the last goes on. */
const AGAIN_MIN = [5, 15, 30];

/**
 * Does the work, and calls `late` while it is not done: Temporal retries an activity without end, and notifies nobody. The
 * first call comes after `firstMin` minutes, the next ones at growing intervals.
 */
export async function alertWhenOverdue<T>(
  work: () => Promise<T>,
  late: (waitedMin: number) => void,
  firstMin = 1,
): Promise<T> {
  const watching = new CancellationScope();
  const watch = watching.run(async () => {
    let waitedMin = 0;
    for (let times = 0; ; times++) {
      const nextMin = times === 0 ? firstMin : (AGAIN_MIN[Math.min(times, AGAIN_MIN.length) - 1] ?? 0);
      await sleep(nextMin * MINUTE_MS, { summary: 'until the operator hears that it is late' });
      waitedMin += nextMin;
      // What it says is said also where the work is done meanwhile.
      await CancellationScope.nonCancellable(async () => late(waitedMin));
    }
  });
  watch.catch(() => {}); // It ends as cancelled.
  try {
    return await work();
  } finally {
    watching.cancel();
  }
}
