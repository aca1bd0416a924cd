/** Task queue of the workflows and of their short activities. */
export const TASK_QUEUE = 'retriever-rollout';

/**
 * Task queue of the activities that run for minutes (watch, evaluate, preflight, awaitLane), which the same worker
 * serves with slots of their own: a rollback's short activities never wait for one of them.
 */
export function longTaskQueue(taskQueue: string): string {
  return `${taskQueue}-long`;
}

/**
 * Task queue of work that is heavy and in no hurry: shards of an evaluation, steps of the weekly maintenance. Slots of
 * their own, so that no guard and no pre-flight waits for one.
 */
export function batchTaskQueue(taskQueue: string): string {
  return `${taskQueue}-batch`;
}
