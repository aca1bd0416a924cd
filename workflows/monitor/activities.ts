import { ActivityCancellationType, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import type { MonitorActivities } from '../../domain/contracts/monitor-activities.ts';
import { longTaskQueue } from '../../domain/core/task-queues.ts';
import { REPORTING, activities } from '../runtime/activities.ts';

const RETRY = { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' } as const;

/** Activities as `monitor` calls them. Called within a workflow, since the task queue of the watch follows its own. */
export function monitorActivities(): MonitorActivities & Pick<RolloutActivities, 'notify'> {
  const cancellationType = ActivityCancellationType.TRY_CANCEL;
  const short = (summary: string, maximumAttempts?: number) =>
    proxyActivities<MonitorActivities>({
      startToCloseTimeout: '15s',
      retry: maximumAttempts === undefined ? RETRY : { ...RETRY, maximumAttempts },
      cancellationType,
      summary,
    });
  const { watchAlerts } = proxyActivities<MonitorActivities>({
    taskQueue: longTaskQueue(workflowInfo().taskQueue),
    // Of one attempt, which may be two hours long; the next goes on from its heartbeat.
    startToCloseTimeout: '6h',
    // A dead worker is noticed before its silence breaks the watch (two minutes).
    heartbeatTimeout: '20s',
    retry: RETRY,
    cancellationType,
    summary: 'watch the alert rules',
  });
  return {
    watchAlerts,
    loadAlertRules: short('read and check the alert rules').loadAlertRules,
    setFlags: short('set flags by hand', 8).setFlags,
    writeIncident: proxyActivities<MonitorActivities>({
      ...REPORTING,
      cancellationType,
      summary: 'write the draft of a post-mortem',
    }).writeIncident,
    notify: activities().notify,
  };
}
