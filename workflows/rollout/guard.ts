import {
  ActivityCancellationType,
  CancellationScope,
  defineSignal,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { GuardActivities, WatchInput } from '../../domain/contracts/guard-activities.ts';
import type { GuardProgress } from '../../domain/guard/reports.ts';
import type { Packed } from '../../domain/core/packed.ts';
import { longTaskQueue } from '../../domain/core/task-queues.ts';
import { decoded } from '../runtime/payload-converter.ts';

/** The rollout begins a new run: the guard ends, and its state goes along. */
export const handOver = defineSignal('handOver');

/**
 * The watch for emergencies beside a rollout, as its child. It is one activity, whose state is in its heartbeats and whose
 * events come to the rollout as signals: what is seen in days writes nothing here. Ends when it is taken back.
 */
export async function rolloutGuard(input: WatchInput): Promise<Packed<GuardProgress>> {
  const { watch } = proxyActivities<GuardActivities>({
    taskQueue: longTaskQueue(workflowInfo().taskQueue),
    // Of one attempt; the next goes on from its heartbeat.
    startToCloseTimeout: '24h',
    // A dead worker is noticed in time for the next one to renew the lease (120 s).
    heartbeatTimeout: '20s',
    retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    summary: 'watch for emergencies',
  });
  const watching = new CancellationScope();
  setHandler(handOver, () => watching.cancel(), {
    description: 'the state goes to the next run of the rollout',
  });
  return watching.run(() => watch(decoded(input)));
}
