import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  ParentClosePolicy,
  proxyActivities,
  startChild,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import { pageLastsMs, readPageInput } from '../../domain/notification/input.ts';
import type { Notification } from '../../domain/notification/notification.ts';

const RETRY = { initialInterval: '500ms', backoffCoefficient: 2 } as const;
type Notify = Pick<RolloutActivities, 'notify'>;
type Delivery = Awaited<ReturnType<RolloutActivities['notify']>>;

/**
 * Tells a person. What nobody takes within half a minute is handed to a workflow of its own, which goes on for hours: a
 * workflow that ends takes its own activities with it, and its end must not wait for a webhook. Never throws where the
 * message is on its way; a cancellation does not stop it.
 */
export async function notifyOperator(notification: Notification): Promise<Delivery> {
  const atMs = Date.now();
  const { notify } = proxyActivities<Notify>({
    startToCloseTimeout: '15s',
    scheduleToCloseTimeout: '30s',
    retry: { ...RETRY, maximumInterval: '10s' },
    summary: 'tell a person',
  });
  return CancellationScope.nonCancellable(async () => {
    try {
      return await notify(notification);
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      return handOver(belated(notification, atMs));
    }
  });
}

/** The message as it goes out late, with when it was first tried. */
function belated(notification: Notification, firstTriedMs: number): Notification {
  const at = new Date(firstTriedMs).toISOString().slice(0, 16).replace('T', ' ');
  return { ...notification, text: `${notification.text}\nfirst tried at ${at} UTC, and not taken then` };
}

async function handOver(notification: Notification): Promise<Delivery> {
  // Keys may hold a reason in words; an id has a limit of bytes.
  const workflowId = `page/${notification.dedupeKey}`.slice(0, 300);
  try {
    await startChild<typeof page>('page', {
      workflowId,
      args: [notification],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: notification.title.slice(0, 200),
    });
  } catch (error) {
    // The same message is under way already.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  return { to: `the log alone: its webhook took nothing, and is tried on by ${workflowId}` };
}

/**
 * Delivers one message, however long the webhook is away: a critical one is tried for a day, others for two hours.
 * Returns where it went; fails where nobody took it, or with each wrong field of its input.
 */
export async function page(raw?: unknown): Promise<Delivery> {
  const read = readPageInput(raw);
  if ('problems' in read)
    throw ApplicationFailure.nonRetryable(`wrong input: ${read.problems.join('; ')}`, 'WrongInput');
  const { notify } = proxyActivities<Notify>({
    startToCloseTimeout: '30s',
    scheduleToCloseTimeout: pageLastsMs(read.input),
    retry: { ...RETRY, maximumInterval: '1m' },
    summary: 'tell a person',
  });
  return notify(read.input);
}
