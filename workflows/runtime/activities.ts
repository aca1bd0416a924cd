import type { ActivityInterfaceFor, ActivityOptions } from '@temporalio/workflow';
import {
  ActivityCancellationType,
  ActivityFailure,
  isCancellation,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';
import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import { longTaskQueue } from '../../domain/core/task-queues.ts';
import { notifyOperator } from '../notification/page.ts';
import type { Late } from './rounds.ts';
import { inRounds } from './rounds.ts';

/** Retried for ever: the gateway may be away for an hour, and the lease is what keeps users safe meanwhile. */
const RETRY = { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' } as const;

export const SHORT: ActivityOptions = { startToCloseTimeout: '15s', retry: RETRY };
/**
 * One request of the control listener, on the way of a rollback among others: a worker that dies with it is missed after
 * 4 s. The client gives up after 3.5 s, and the gateway answers within 3 s where its disk hangs.
 */
const CONTROL: ActivityOptions = { startToCloseTimeout: '4s', retry: RETRY };
/** A small file on the worker's disk, for which a rollback waits: a worker that dies with it is missed after 4 s. */
const READING: ActivityOptions = { startToCloseTimeout: '4s', retry: RETRY };
/** Users are back already: a proof that cannot be made is said, and not tried for ever. A worker that dies over it is missed at once. */
const PROBING: ActivityOptions = {
  startToCloseTimeout: '4m',
  heartbeatTimeout: '20s',
  retry: { ...RETRY, maximumAttempts: 5 },
};
/** Nobody waits for these, and nothing is decided by them. */
export const REPORTING: ActivityOptions = {
  startToCloseTimeout: '30s',
  retry: { ...RETRY, maximumAttempts: 8 },
};
/** A dead worker is noticed in time for the next one to renew the lease (120 s). */
const LONG: ActivityOptions = {
  startToCloseTimeout: '30m',
  heartbeatTimeout: '20s',
  // No worker takes it, or all its slots are busy: somebody hears of that.
  scheduleToStartTimeout: '5m',
  retry: RETRY,
};
/** Loads the lane each time: what goes on failing is an answer that is missing, and a person is asked. */
export const HEAVY: ActivityOptions = {
  ...LONG,
  retry: { initialInterval: '5s', backoffCoefficient: 2, maximumInterval: '1m', maximumAttempts: 5 },
};

type Calls = Readonly<Record<string, (...args: unknown[]) => Promise<unknown>>>;

/**
 * Proxies of one interface of activities. Called within a workflow, since the task queues follow its own. With `late`, what is
 * retried without end is retried in rounds, and `late` hears of each.
 */
export function proxiesOf<Activities extends object>(late?: Late) {
  const longQueue = longTaskQueue(workflowInfo().taskQueue);
  return (options: ActivityOptions, summary: string): ActivityInterfaceFor<Activities> => {
    const taskQueue = options === LONG || options === HEAVY ? { taskQueue: longQueue } : {};
    const cancellationType = ActivityCancellationType.TRY_CANCEL;
    const as = <Of extends object>(retry: ActivityOptions['retry']) =>
      proxyActivities<Of>({ ...options, ...taskQueue, ...(retry && { retry }), cancellationType, summary });
    const { retry } = options;
    if (late === undefined || retry === undefined || retry.maximumAttempts !== undefined)
      return as<Activities>(retry);
    return new Proxy({} as ActivityInterfaceFor<Activities>, {
      get:
        (_, name: string) =>
        (...args: unknown[]) =>
          inRounds(
            summary,
            retry,
            late,
            (round) => as<Calls>(round)[name]?.(...args) ?? Promise.reject(new Error(name)),
          ),
    });
  };
}

/** A rollout's activities as a workflow calls them; `late` as `proxiesOf` has it. */
export function activities(late?: Late): RolloutActivities {
  const as = proxiesOf<RolloutActivities>(late);
  return {
    loadPlan: as(READING, 'read and check the plan').loadPlan,
    control: as(CONTROL, "look at the gateway's state").control,
    takeEpoch: as(CONTROL, 'take the fence').takeEpoch,
    changeTraffic: as(CONTROL, 'change traffic').changeTraffic,
    rollBackTraffic: as(CONTROL, 'take users back').rollBackTraffic,
    snapshot: as(SHORT, 'read the counters').snapshot,
    verifyRollback: as(PROBING, 'prove that the old answers are back').verifyRollback,
    recordBaseline: as(REPORTING, "write stable's baseline").recordBaseline,
    writePostmortem: as(REPORTING, 'write the draft of a post-mortem').writePostmortem,
    record: as(REPORTING, 'record decisions').record,
    notify: notifyOperator,
    preflight: as(LONG, 'pre-flight checks').preflight,
    awaitLane: as(LONG, 'wait for the lane').awaitLane,
    evaluate: as(HEAVY, 'evaluate the live lane on labelled queries').evaluate,
  };
}

/** For what is asked where no answer is an answer too. */
export function briefly(): Pick<RolloutActivities, 'control'> {
  const { control } = proxiesOf<RolloutActivities>()(
    { startToCloseTimeout: '8s', scheduleToCloseTimeout: '10s', retry: RETRY },
    "look at the gateway's state",
  );
  return { control };
}

/** The words of an activity that failed for good; throws whatever else it was, a cancellation first of all. */
export function permanentReason(error: unknown): string {
  if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
  return error.cause?.message ?? error.message;
}
