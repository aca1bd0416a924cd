import type { ActivityOptions } from '@temporalio/workflow';
import { ActivityCancellationType, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { EvaluationActivities } from '../../domain/contracts/evaluation-activities.ts';
import { batchTaskQueue } from '../../domain/core/task-queues.ts';
import { REPORTING } from '../runtime/activities.ts';

/** Heavy and in no hurry: tried a few times, then the operator is notified. A dead worker is noticed in 20 s. */
export const BATCH: ActivityOptions = {
  startToCloseTimeout: '2h',
  heartbeatTimeout: '20s',
  // No worker of that queue, or all its slots are busy: somebody hears of that before the next night.
  scheduleToStartTimeout: '12h',
  retry: { initialInterval: '5s', backoffCoefficient: 2, maximumInterval: '5m', maximumAttempts: 5 },
  cancellationType: ActivityCancellationType.TRY_CANCEL,
};

/** Activities of the clean evaluation, on the queue of heavy work that any number of workers serve. */
export function evaluationActivities(): EvaluationActivities {
  const taskQueue = batchTaskQueue(workflowInfo().taskQueue);
  const as = (summary: string) => proxyActivities<EvaluationActivities>({ ...BATCH, taskQueue, summary });
  return {
    planEvaluation: as('look at the release and cut its queries into shards').planEvaluation,
    evaluateShard: as('ask a shard of the labelled queries').evaluateShard,
    evaluateRules: proxyActivities<EvaluationActivities>({
      ...REPORTING,
      cancellationType: ActivityCancellationType.TRY_CANCEL,
      summary: 'evaluate the alert rules, where no monitor does',
    }).evaluateRules,
    joinEvaluation: as('put the shards together, append to the history').joinEvaluation,
  };
}
