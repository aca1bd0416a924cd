import { setTimeout as pause } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';

const WITHIN_MS = 60_000;

/**
 * The run id of a workflow, once one other than `left` runs: the server starts a child some time after the task that asked
 * for it, so that its parent's status may be ahead of it. */
export async function started(handle: WorkflowHandle, left: string | null = null): Promise<string> {
  for (const deadlineMs = Date.now() + WITHIN_MS; ; await pause(50)) {
    const runId = await runIdOf(handle);
    if (runId !== null && runId !== left) return runId;
    if (Date.now() > deadlineMs) throw new Error(`${handle.workflowId}: no run other than ${left} started`);
  }
}

/** Null while there is no such workflow. */
async function runIdOf(handle: WorkflowHandle): Promise<string | null> {
  try {
    return (await handle.describe()).runId;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}
