import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import type { WorkerOptions } from '@temporalio/worker';
import { batchTaskQueue, longTaskQueue } from '../../domain/core/task-queues.ts';
import type { RolloutStatus } from '../../domain/rollout/status/status.ts';
import { statusQuery } from '../../workflows/runtime/messages.ts';
import type { rollout } from '../../workflows/rollout/rollout.ts';
import type { TimeSkipping } from './time-skipping.ts';

const WITHIN_MS = 60_000;

type Bundle = Pick<WorkerOptions, 'workflowBundle' | 'debugMode'>;

/** Temporal's own server, whose clock is the real one, for what the time-skipping server does not do: resets, its limits. */
export class DevServer {
  private readonly env: TestWorkflowEnvironment;
  private readonly bundle: Bundle;
  private count = 0;

  private constructor(env: TestWorkflowEnvironment, bundle: Bundle) {
    this.env = env;
    this.bundle = bundle;
  }

  /**
   * With the workflows' bundle of the other server: a process has one runtime. `thread`: workflows run in a thread of their own, as in
   * production, which a worker takes half a second to start.
   */
  static async create({ code }: Pick<TimeSkipping, 'code'>, { thread = false } = {}): Promise<DevServer> {
    const path = fileURLToPath(new URL('../../.data/bin/temporal', import.meta.url));
    const executable = { type: 'existing-path', path } as const;
    const log = { format: 'json', level: 'error' };
    const env = await TestWorkflowEnvironment.createLocal({ server: { executable, log } });
    return new DevServer(env, { workflowBundle: { code }, debugMode: !thread });
  }

  close(): Promise<void> {
    return this.env.teardown();
  }

  /** A rollout of a service of its own, with workers that have these activities; what it leaves under way is terminated. */
  async rollout<T>(
    activities: object,
    input: { readonly candidate: string; readonly plan: string },
    body: (rollout: DevRollout) => Promise<T>,
  ): Promise<T> {
    const service = `service-${++this.count}`;
    const workers = new DevWorkers(this.env, this.bundle, service, activities);
    await workers.begin();
    const { workflow } = this.env.client;
    const workflowId = `rollout/${service}`;
    try {
      const options = { args: [{ service, ...input }] as [unknown], taskQueue: service, workflowId };
      await workflow.start<typeof rollout>('rollout', options);
      return await body(new DevRollout(this.env.client, workflowId, workers));
    } finally {
      for await (const { workflowId: id } of workflow.list({
        query: `TaskQueue="${service}" AND ExecutionStatus="Running"`,
      }))
        await workflow
          .getHandle(id)
          .terminate()
          .catch(() => {});
      await workers.end();
    }
  }
}

/** The three workers of a service, which may go away and come back. */
class DevWorkers {
  private readonly create: () => Promise<Worker[]>;
  private workers: Worker[] = [];
  private running: Promise<unknown> = Promise.resolve();

  constructor(env: TestWorkflowEnvironment, bundle: Bundle, service: string, activities: object) {
    const every = { connection: env.nativeConnection, activities };
    this.create = () =>
      Promise.all([
        Worker.create({ ...every, ...bundle, taskQueue: service }),
        Worker.create({ ...every, taskQueue: longTaskQueue(service) }),
        Worker.create({ ...every, taskQueue: batchTaskQueue(service) }),
      ]);
  }

  async begin(): Promise<void> {
    this.workers = await this.create();
    this.running = Promise.all(this.workers.map((worker) => worker.run()));
  }

  async end(): Promise<void> {
    for (const worker of this.workers.splice(0)) worker.shutdown();
    await this.running;
  }
}

/** A rollout on that server. */
export class DevRollout {
  readonly workflowId: string;
  readonly client: Client;
  private readonly workers: DevWorkers;

  constructor(client: Client, workflowId: string, workers: DevWorkers) {
    this.client = client;
    this.workflowId = workflowId;
    this.workers = workers;
  }

  /** Does the work while no worker is there: what it sends comes in one workflow task. */
  async withoutWorkers(work: () => Promise<void>): Promise<void> {
    await this.workers.end();
    await work();
    await this.workers.begin();
  }

  /** The newest run, whatever its run id. */
  get handle(): WorkflowHandle<typeof rollout> {
    return this.client.workflow.getHandle(this.workflowId);
  }

  get guard(): WorkflowHandle {
    return this.client.workflow.getHandle(`${this.workflowId}/guard`);
  }

  async until(what: string, is: (status: RolloutStatus) => boolean): Promise<RolloutStatus> {
    for (const deadlineMs = Date.now() + WITHIN_MS; ; await pause(50)) {
      const status = await this.handle.query(statusQuery);
      if (is(status)) return status;
      if (Date.now() > deadlineMs) throw new Error(`never ${what}: ${JSON.stringify(status, null, 1)}`);
    }
  }

  untilState(name: string): Promise<RolloutStatus> {
    return this.until(name, ({ state }) => state === name);
  }

  /** `temporal workflow reset`, to a workflow task: the first, the last, or the one that took up the answer to a call whose input holds `to.after`. */
  async reset(to: 'first' | 'last' | { readonly after: string }): Promise<void> {
    const { runId } = await this.handle.describe();
    const events = await this.events();
    const isEnd = (event: Event) => Boolean(event.workflowTaskCompletedEventAttributes);
    const from = typeof to === 'string' ? 0 : answered(events, to.after);
    const end = to === 'last' ? events.findLast(isEnd) : events.slice(from).find(isEnd);
    await this.client.workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId: this.workflowId, runId },
      reason: 'the test',
      workflowTaskFinishEventId: end?.eventId ?? null,
      requestId: randomUUID(),
    });
  }

  /** History of the newest run. */
  async events(): Promise<readonly Event[]> {
    return (await this.handle.fetchHistory()).events ?? [];
  }
}

type Event = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

/** Index of the event that holds the answer to the first such call. */
function answered(events: readonly Event[], text: string): number {
  const asked = events.find(({ activityTaskScheduledEventAttributes: call }) =>
    (call?.input?.payloads ?? []).some(({ data }) =>
      Buffer.from(data ?? [])
        .toString()
        .includes(text),
    ),
  );
  return events.findIndex(
    ({ activityTaskCompletedEventAttributes: done }) =>
      Boolean(done) && String(done?.scheduledEventId) === String(asked?.eventId),
  );
}
