import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ParentClosePolicy, startChild } from '@temporalio/workflow';
import type { Message } from '../../domain/rollout/operator-message.ts';
import { rollbackCommand } from '../../domain/notification/commands.ts';
import type { RolloutState } from '../../domain/rollout/state.ts';
import type { rollback } from '../rollback/rollback.ts';
import type { Notification } from '../../domain/notification/notification.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

/** A rollback that was said once the release had shipped, while the run was still notifying people of it. */
export function isTooLate({ outcome }: RolloutState, { name }: Message): boolean {
  return outcome === 'shipped' && name === 'rollback';
}

/**
 * Begins the workflow `rollback` for one that came too late; where one runs already, it joins that. Returns null, or the page where
 * it could not begin.
 */
export async function rollBackShipped(
  { service, candidate, report }: RolloutState,
  { reason, by }: Message,
): Promise<Omit<Notification, 'dedupeKey'> | null> {
  try {
    await startChild<typeof rollback>('rollback', {
      workflowId: `rollback/${service}`,
      args: [{ reason, by }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: 'asked for after the release had shipped',
    });
    return null;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return null;
    const words = errorMessage(error);
    return {
      severity: 'critical',
      title: `the rollback of ${candidate}, which has shipped, could not begin`,
      text: `rollback/${service} not begun: ${words}. By hand: ${rollbackCommand(report?.stable ?? null)}`,
    };
  }
}
