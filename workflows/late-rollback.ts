import { ParentClosePolicy, log, patched, startChild } from '@temporalio/workflow';
import type { Message } from '../domain/rollout-messages.ts';
import type { RolloutState } from '../domain/rollout-state.ts';
import type { rollback } from './rollback.ts';

/**
 * A rollback that was said once the release had shipped, while the run still told people so: it can not be this run's any
 * more, so the workflow `rollback` takes users back. Where one runs already, it joins that.
 */
export async function rollBackShipped(
  { outcome, service }: RolloutState,
  { name, reason, by }: Message,
): Promise<void> {
  if (outcome !== 'shipped' || name !== 'rollback') return;
  // Runs of before only wrote down that it changes nothing.
  if (!patched('rollback-after-shipped')) return;
  try {
    await startChild<typeof rollback>('rollback', {
      workflowId: `rollback/${service}`,
      args: [{ reason, by }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: 'asked for after the release had shipped',
    });
  } catch (error) {
    log.warn(`rollback/${service} not begun: ${error instanceof Error ? error.message : String(error)}`);
  }
}
