import type { NativeConnection } from '@temporalio/worker';
import { Worker } from '@temporalio/worker';
import { longTaskQueue } from '../domain/queues.ts';
import { payloadConverterPath, workflowsPath } from './bundle.ts';

/** Long activities that run side by side in one worker: a guard, a monitor, an evaluation, a pre-flight, and two to spare. */
const LONG_SLOTS = 6;
const SHORT_SLOTS = 50;

/**
 * Two workers in one process: one for workflows and short activities, one for long activities alone. A rollback's
 * short steps never wait for a slot that an evaluation holds.
 */
export function createWorkers(
  connection: NativeConnection,
  namespace: string,
  taskQueue: string,
  activities: object,
): Promise<Worker[]> {
  const dataConverter = { payloadConverterPath: payloadConverterPath() };
  const every = { connection, namespace, activities, dataConverter, shutdownGraceTime: '3s' } as const;
  return Promise.all([
    Worker.create({
      ...every,
      taskQueue,
      workflowsPath: workflowsPath(),
      maxConcurrentActivityTaskExecutions: SHORT_SLOTS,
    }),
    Worker.create({
      ...every,
      taskQueue: longTaskQueue(taskQueue),
      maxConcurrentActivityTaskExecutions: LONG_SLOTS,
    }),
  ]);
}
