import type { NativeConnection } from '@temporalio/worker';
import { Worker } from '@temporalio/worker';
import { batchTaskQueue, longTaskQueue } from '../domain/core/task-queues.ts';
import { payloadConverterPath, workflowBundle } from './bundle.ts';

/** Long activities that run side by side in one worker: a guard, a monitor, an evaluation, a pre-flight, and two to spare. */
const LONG_SLOTS = 6;
const SHORT_SLOTS = 50;
/** Niced children that keep a core busy each: more workers, not more slots, make a large evaluation quicker. */
const BATCH_SLOTS = 2;
/**
 * A workflow's next task waits so long for the worker that has it in memory, before any other gets it (SDK default 10 s).
 * After a kill -9 a rollback waits for it once; a busy worker pays with a replay.
 */
const STICKY_TIMEOUT = '2s';

/**
 * Heartbeats carry what guard and monitor have seen. The SDK would hold them back for 80 % of their time-out, 16 s, and a
 * worker that is killed would take the newest of it along.
 */
const HEARTBEAT_THROTTLE = '1s';

/**
 * Three workers in one process: for workflows and short activities, for long ones, and for heavy ones that can wait. A
 * rollback's short steps never wait for a slot that an evaluation holds, nor does a guard.
 */
export async function createWorkers(
  connection: NativeConnection,
  namespace: string,
  taskQueue: string,
  activities: object,
): Promise<Worker[]> {
  const bundle = await workflowBundle();
  const dataConverter = { payloadConverterPath: payloadConverterPath() };
  const every = { connection, namespace, activities, dataConverter, shutdownGraceTime: '3s' } as const;
  return Promise.all([
    Worker.create({
      ...every,
      taskQueue,
      workflowBundle: bundle,
      stickyQueueScheduleToStartTimeout: STICKY_TIMEOUT,
      maxConcurrentActivityTaskExecutions: SHORT_SLOTS,
    }),
    Worker.create({
      ...every,
      taskQueue: longTaskQueue(taskQueue),
      maxConcurrentActivityTaskExecutions: LONG_SLOTS,
      maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
    }),
    Worker.create({
      ...every,
      taskQueue: batchTaskQueue(taskQueue),
      maxConcurrentActivityTaskExecutions: BATCH_SLOTS,
    }),
  ]);
}
