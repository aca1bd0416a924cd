import type { Client } from '@temporalio/client';
import { QueryRejectedError, WorkflowNotFoundError } from '@temporalio/client';
import { ALIVE_QUERY } from '../domain/rollout/operator-message.ts';

const ANSWER_WITHIN_MS = 5_000;

/**
 * Whether the workflow itself answers as that run, which needs a worker that gets through its workflow tasks. False where
 * it has ended or another run has its id. Rejects where no answer comes within 5 s, as without such a worker.
 */
export async function isAlive(client: Client, workflowId: string, firstRunId: string): Promise<boolean> {
  const handle = client.workflow.getHandle(workflowId);
  try {
    const deadlineMs = Date.now() + ANSWER_WITHIN_MS;
    const runId = await client.withDeadline(deadlineMs, () => handle.query<string>(ALIVE_QUERY));
    return runId === firstRunId;
  } catch (error) {
    if (error instanceof QueryRejectedError || error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
