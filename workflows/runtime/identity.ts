import { workflowInfo } from '@temporalio/workflow';

/** A workflow as the outside knows it. */
interface Identity {
  readonly workflowId: string;
  /** Run id of the first execution: the same after `temporal workflow reset` and after continue-as-new. */
  readonly runId: string;
}

/**
 * Who this workflow is, for all that must outlive a reset: ids of children, owners, idempotency keys. After a reset the
 * history is replayed under another `runId`; an id of a child made of that is a non-determinism error (TMPRL1100) for ever.
 * A reset also returns counters to earlier values: a key of something new needs the time besides.
 */
export function identity(): Identity {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  return { workflowId, runId: firstExecutionRunId };
}
