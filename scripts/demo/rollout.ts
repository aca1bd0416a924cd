import { setTimeout as pause } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { TASK_QUEUE } from '../../domain/core/task-queues.ts';
import type { RolloutStatus } from '../../domain/rollout/status/status.ts';

export interface FollowOptions {
  readonly address: string;
  readonly candidate: string;
  readonly plan: string;
  readonly signal: AbortSignal;
  /** Called about once a second. Throwing ends the follow. */
  readonly onStatus: (status: RolloutStatus) => void;
}

const EVERY_MS = 1_000;

/**
 * Starts a rollout and follows it to its end; resolves with its last status. Rejects when `signal` aborts, and leaves its
 * connection open then: a call that waits for its next attempt throws out of a timer where the connection is closed.
 */
export async function followRollout(options: FollowOptions): Promise<RolloutStatus> {
  const connection = await Connection.connect({ address: options.address });
  try {
    const client = new Client({ connection });
    const handle = await client.workflow.start('rollout', {
      taskQueue: TASK_QUEUE,
      workflowId: 'rollout/retriever',
      args: [{ candidate: options.candidate, plan: options.plan }],
    });
    // Ended is what Temporal says has ended; a query asks the worker, which may be gone just now.
    const ended = handle.result();
    ended.catch(() => {});
    for (;;) {
      const over = await Promise.race([
        ended.then(() => true),
        pause(EVERY_MS, false, { signal: options.signal }),
      ]);
      const status: RolloutStatus = await handle.query('status');
      options.onStatus(status);
      if (over) return status;
    }
  } finally {
    if (!options.signal.aborted) await connection.close();
  }
}
