import type { Payload, PayloadConverter, SerializationContext } from '@temporalio/common';
import { defaultPayloadConverter } from '@temporalio/common';
import { inWorkflowContext, workflowInfo } from '@temporalio/workflow';

/** Stands for an argument of a message that could not be decoded. */
export const UNDECODABLE = 'undecodable';

/**
 * The default converter, except for arguments of messages to a workflow: of its start, its signals, updates and queries.
 * People and other programs send those, and one that cannot be decoded would fail the workflow's task for ever, so that
 * no later rollback would be heard. It becomes `undecodable`. All else is ours, as an activity's result: it throws, the task
 * fails where everybody sees it, and the workflow goes on once a worker can decode it.
 */
export const payloadConverter: PayloadConverter = {
  toPayload: (value, context) => defaultPayloadConverter.toPayload(value, context),
  fromPayload<T>(payload: Payload, context?: SerializationContext): T {
    try {
      return defaultPayloadConverter.fromPayload<T>(payload, context);
    } catch (error) {
      if (isMessageArgument(context)) return UNDECODABLE as T;
      throw error;
    }
  },
};

/** An argument that came from another workflow of ours, or from this one's earlier run, as it is. Throws where it was not decoded. */
export function decoded<T>(argument: T): T {
  if (argument === UNDECODABLE)
    throw new Error('the input that one of our workflows wrote cannot be decoded');
  return argument;
}

/**
 * The SDK converts payloads of an activity or a child in the context of those, and its own memo and last result while
 * it has no memo yet; what is left in a workflow's own context are arguments.
 */
function isMessageArgument(context: SerializationContext | undefined): boolean {
  if (context?.type !== 'workflow' || !inWorkflowContext()) return false;
  const { workflowId, memo } = workflowInfo();
  return context.workflowId === workflowId && memo !== undefined;
}
