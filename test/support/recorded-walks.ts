import { cancellationSignal, heartbeat } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { temporal } from '@temporalio/proto';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Worker, bundleWorkflowCode } from '@temporalio/worker';
import { vi } from 'vitest';
import { longTaskQueue } from '../../domain/core/task-queues.ts';
import { payloadConverterPath } from '../../worker/bundle.ts';
import { traffic } from './control-commands.ts';
import { DevServer } from './dev-server.ts';
import { EvaluationWorld } from './evaluation-world.ts';
import { ExperimentWorld } from './experiment-world.ts';
import { FakeWorld } from './fake-world.ts';
import { MonitorWorld, SLOW } from './monitor-world.ts';
import type { SkippedRollout, TimeSkipping } from './time-skipping.ts';
import { HOUR } from './time-skipping.ts';
import { TuningWorld } from './tuning-world.ts';
import { WeeklyWorld } from './weekly-world.ts';

type History = temporal.api.history.v1.IHistory;

/** A run of a workflow whose history is committed. */
export interface RecordedWalk {
  readonly workflowId: string;
  /** Walks it again, in a world of its own. */
  record(server: TimeSkipping): Promise<History>;
}

/** Each history of histories/, by its file's name, and how it was made. */
export const WALKS: Readonly<Record<string, RecordedWalk>> = {
  shipped: rollout(async ({ handle }) => handle.result()),
  'held-resumed-rolled-back': rollout(async (started) => {
    await started.until(({ state }) => state === 'ramp-25: measuring');
    await started.handle.signal('hold', { reason: 'lunch' });
    await started.until(({ state }) => state === 'held');
    await started.handle.signal('resume');
    await started.until(({ percent }) => percent === 50);
    await started.handle.signal('rollback');
    return started.handle.result();
  }),
  'raise-refused': rollout(raiseRefused),
  'updates-and-cancelled': rollout(async (started) => {
    await started.until(({ percent }) => percent === 5);
    await started.handle.executeUpdate('pause', { args: [{ by: 'ada' }] });
    await started.handle.executeUpdate('resume', { args: [{ by: 'ada' }] });
    await started.handle.executeUpdate('pause', { args: ['twice'] });
    await started.handle.executeUpdate('pause').catch(() => {}); // Refused: it is paused already.
    await started.pass(5 * HOUR);
    await started.handle.cancel();
    return started.handle.result();
  }),
  'activities-that-fail': rollout(async (started, world) => {
    let failures = 0;
    world.before = (activity) => {
      if (activity === 'snapshot' && world.state.percent === 5 && failures++ < 20) throw new Error('refused');
      if (activity === 'evaluate') throw ApplicationFailure.nonRetryable('no labelled queries');
    };
    await started.until(({ percent, state }) => percent === 50 && state === 'held');
    await started.handle.signal('rollback');
    return started.handle.result();
  }),
  reset: { workflowId: 'rollout/service-1', record: rolledBackAfterReset },
  page: run('page/test', () => new FakeWorld().activities(), {
    severity: 'critical',
    title: 'a test',
    text: 'of the way',
    dedupeKey: 'test/1',
  }),
  rollback: run('rollback/retriever', () => new FakeWorld().activities(), { by: 'ada' }),
  evaluation: run(
    'evaluation/nightly',
    () => {
      const world = new EvaluationWorld();
      world.rAt5 = 0.6;
      return world.activities();
    },
    { shards: 4 },
  ),
  'weekly-maintenance': run('weeklyMaintenance/weekly', () => {
    const world = new WeeklyWorld();
    world.containAt50 = 0.7;
    return world.activities();
  }),
  'nprobe-tuning': run('nprobeTuning/retriever', () => new TuningWorld().activities(), {
    priority: 'latency',
  }),
  'reranker-experiment': run('rerankerExperiment/retriever', () => new ExperimentWorld().activities()),
  monitor: { workflowId: 'monitor/retriever', record: monitorUntilContinued },
  'rollout-guard': { workflowId: 'rollout/retriever/guard', record: guardHandedOver },
};

/** Reset to its first stage, where it has given a page away; then its guard is another one. */
async function rolledBackAfterReset(server: TimeSkipping): Promise<History> {
  const dev = await DevServer.create(server);
  const world = new FakeWorld({ plansDir: 'test/fixtures/plans' });
  try {
    return await dev.rollout(
      world.activities(),
      { candidate: 'r-2', plan: 'long-canary' },
      async (started) => {
        await started.untilState('canary-10: warming up');
        await started.handle.signal('hold', { by: 'ada' });
        await started.untilState('held');
        await started.reset({ after: '"percent":10,"lease"' });
        await started.untilState('held');
        await started.handle.signal('rollback');
        await started.handle.result();
        return started.handle.fetchHistory();
      },
    );
  } finally {
    await dev.close();
  }
}

/** A hand is at the traffic, which only the fence noticed; then a person resumes. */
async function raiseRefused(started: SkippedRollout, world: FakeWorld): Promise<unknown> {
  await started.until(({ percent }) => percent === 5);
  world.change({ by: 'bob', commands: [traffic(3)] }, Date.now());
  await started.until(({ state }) => state === 'held');
  await started.handle.signal('resume');
  return started.handle.result();
}

function rollout(walk: (rollout: SkippedRollout, world: FakeWorld) => Promise<unknown>): RecordedWalk {
  return {
    workflowId: 'rollout/retriever',
    record(server) {
      const world = new FakeWorld();
      return server.with(world, async (start) => {
        const started = await start();
        await walk(started, world);
        return started.handle.fetchHistory();
      });
    },
  };
}

/** A workflow, named by the first part of its id, that runs to its end by itself. */
function run(workflowId: string, activities: () => object, input: object = {}): RecordedWalk {
  return {
    workflowId,
    record: (server) =>
      server.serve(activities(), async (env, taskQueue) => {
        const handle: WorkflowHandle = await env.client.workflow.start(typeOf(workflowId), {
          args: [input],
          taskQueue,
          workflowId,
        });
        await handle.result();
        return handle.fetchHistory();
      }),
  };
}

/**
 * The first run of a monitor, until it is continued as new: a candidate is slow for a while, and there is no rollout to
 * be reported. One rule, since what all of them remember makes megabytes of history.
 */
async function monitorUntilContinued(server: TimeSkipping): Promise<History> {
  const world = new MonitorWorld();
  const { rules } = world;
  world.rules = { ...rules, rules: rules.rules.filter(({ name }) => name === 'p95-critical') };
  world.candidate = (minute) => (minute < 30 ? SLOW : {});
  return server.serve(world.activities(), async (env, taskQueue) => {
    const { workflow } = env.client;
    const workflowId = 'monitor/retriever';
    world.signal = (to, name, payload) => workflow.getHandle(to).signal(name, payload);
    const { firstExecutionRunId } = await workflow.start('monitor', { args: [{}], taskQueue, workflowId });
    world.runTo(3 * 60);
    const first = workflow.getHandle(workflowId, firstExecutionRunId);
    await vi.waitUntil(async () => (await first.describe()).status.name === 'CONTINUED_AS_NEW', {
      timeout: 60_000,
    });
    await workflow.getHandle(workflowId).terminate();
    world.end();
    return first.fetchHistory();
  });
}

/**
 * A guard whose first attempt fails, and whose second goes on until the rollout takes its state. On a server with a real clock:
 * time skipping stands still while an activity runs.
 */
async function guardHandedOver(): Promise<History> {
  const root = new URL('../../', import.meta.url).pathname;
  const env = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'existing-path', path: `${root}.data/bin/temporal` } },
  });
  const taskQueue = 'rollout';
  const { code } = await bundleWorkflowCode({
    workflowsPath: `${root}test/support/guard-bundle.ts`,
    payloadConverterPath: payloadConverterPath(),
    logger: new DefaultLogger('ERROR'),
  });
  let watches = 0;
  let beat: NodeJS.Timeout | undefined;
  const activities = {
    async watch() {
      if (++watches === 1) throw new Error('the worker was killed');
      await new Promise((resolve) => {
        cancellationSignal().addEventListener('abort', resolve);
        beat = setInterval(heartbeat, 1_000);
      });
      clearInterval(beat);
      return { gzip: 'the state of the tests' };
    },
  };
  const every = { connection: env.nativeConnection, namespace: env.namespace ?? 'default' };
  const workers = await Promise.all([
    Worker.create({ ...every, taskQueue, workflowBundle: { code } }),
    Worker.create({ ...every, taskQueue: longTaskQueue(taskQueue), activities }),
  ]);
  const running = Promise.all(workers.map((worker) => worker.run()));
  try {
    const handle: WorkflowHandle = await env.client.workflow.start('rolloutGuard', {
      args: [{ workflowId: 'rollout/retriever' }],
      taskQueue,
      workflowId: 'rollout/retriever/guard',
    });
    await vi.waitUntil(() => watches === 2, { timeout: 30_000 });
    await handle.signal('handOver');
    await handle.result();
    return await handle.fetchHistory();
  } finally {
    for (const worker of workers) worker.shutdown();
    await running;
    await env.teardown();
  }
}

function typeOf(workflowId: string): string {
  return workflowId.slice(0, workflowId.indexOf('/'));
}
