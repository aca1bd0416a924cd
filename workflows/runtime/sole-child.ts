import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { getExternalWorkflowHandle, sleep } from '@temporalio/workflow';

/** It ends within a second or so once it is cancelled; a tuning takes back its change first. */
const AGAIN_AFTER_MS = [1_000, 5_000, 15_000, 30_000];

/**
 * Runs a child whose id is its alone. `temporal workflow reset` ends a run and leaves its children running, with nobody to
 * report to: such a one is cancelled, and then this one starts. `replacing` hears of it. Throws as `start` does.
 */
export async function soleChild<T>(
  workflowId: string,
  start: () => Promise<T>,
  replacing: () => void = () => {},
): Promise<T> {
  for (const againAfterMs of AGAIN_AFTER_MS) {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    replacing();
    // It may have ended meanwhile, which is as good.
    await getExternalWorkflowHandle(workflowId)
      .cancel()
      .catch(() => {});
    await sleep(againAfterMs, { summary: `${workflowId} of before a reset ends first` });
  }
  return start();
}
