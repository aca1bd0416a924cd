import { fileURLToPath } from 'node:url';
import type { WorkflowHandle } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker, makeTelemetryFilterString } from '@temporalio/worker';
import { batchTaskQueue, longTaskQueue } from '../../domain/core/task-queues.ts';
import type { RolloutStatus } from '../../domain/rollout/status/status.ts';
import { workflowBundle } from '../../worker/bundle.ts';
import { statusQuery } from '../../workflows/runtime/messages.ts';
import type { rollout } from '../../workflows/rollout/rollout.ts';
import type { FakeWorld } from './fake-world.ts';
import { started } from './started.ts';
import type { GuardEvent } from '../../domain/guard/state.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
const ROLLOUT_ID = 'rollout/retriever';
const INPUT = { candidate: 'retriever_v0' };

/** A rollout under way on a server whose clock jumps from timer to timer. */
export class SkippedRollout {
  readonly handle: WorkflowHandle<typeof rollout>;
  private readonly env: TestWorkflowEnvironment;

  constructor(env: TestWorkflowEnvironment, handle: WorkflowHandle<typeof rollout>) {
    this.env = env;
    this.handle = handle;
  }

  status(): Promise<RolloutStatus> {
    return this.handle.query(statusQuery);
  }

  /** Lets the server's time pass. */
  async pass(ms: number): Promise<void> {
    await this.env.sleep(ms);
  }

  /** Lets time pass in steps until the status is as wanted. */
  async until(
    wanted: (status: RolloutStatus) => boolean,
    stepMs = 10 * MINUTE,
    atMostMs = 72 * HOUR,
  ): Promise<RolloutStatus> {
    for (let passedMs = 0; ; passedMs += stepMs) {
      const status = await this.status();
      if (wanted(status)) return status;
      if (passedMs >= atMostMs) throw new Error(`never as wanted: ${JSON.stringify(status, null, 1)}`);
      await this.pass(stepMs);
    }
  }

  /** What the guard saw; it is there from T0 on. */
  async guardSees(event: GuardEvent): Promise<void> {
    const guard = this.env.client.workflow.getHandle(`${ROLLOUT_ID}/guard`);
    await started(guard);
    await guard.signal('guardEvent', event);
  }
}

/** A bundle of the workflows with a guard for tests, and a server with workers for each world. */
export class TimeSkipping {
  /** The workflows' bundle. */
  readonly code: string;

  private constructor(code: string) {
    this.code = code;
  }

  static async create(): Promise<TimeSkipping> {
    const filter = makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' });
    Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { filter } } });
    const { code } = await workflowBundle(
      rooted('.data/test/bundle'),
      rooted('test/support/bundle-entry.ts'),
    );
    return new TimeSkipping(code);
  }

  /**
   * Runs a test's body with workers on that world, on a server of its own: what one test leaves under way would stop
   * the clock of the next.
   */
  async with<T>(
    world: FakeWorld,
    body: (start: (input?: unknown) => Promise<SkippedRollout>, env: TestWorkflowEnvironment) => Promise<T>,
  ): Promise<T> {
    return this.serve(world.activities(), (env, taskQueue) => {
      const start = async (input: unknown = INPUT) =>
        new SkippedRollout(
          env,
          await env.client.workflow.start<typeof rollout>('rollout', {
            args: [input],
            taskQueue,
            workflowId: ROLLOUT_ID,
          }),
        );
      return body(start, env);
    });
  }

  /** The same for any workflow, with workers that have these activities. */
  async serve<T>(
    activities: object,
    body: (env: TestWorkflowEnvironment, taskQueue: string) => Promise<T>,
  ): Promise<T> {
    const env = await TestWorkflowEnvironment.createTimeSkipping({
      server: { executable: { type: 'existing-path', path: rooted('.data/bin/temporal-test-server') } },
    });
    const taskQueue = 'rollout';
    const every = { connection: env.nativeConnection, activities };
    const workers = await Promise.all([
      // Without a thread of its own, which takes half a second to start.
      Worker.create({ ...every, taskQueue, workflowBundle: { code: this.code }, debugMode: true }),
      Worker.create({ ...every, taskQueue: longTaskQueue(taskQueue) }),
      Worker.create({ ...every, taskQueue: batchTaskQueue(taskQueue) }),
    ]);
    const running = Promise.all(workers.map((worker) => worker.run()));
    try {
      return await body(env, taskQueue);
    } finally {
      for (const worker of workers) worker.shutdown();
      await running;
      await env.teardown();
    }
  }
}

function rooted(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}
