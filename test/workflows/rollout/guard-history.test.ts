import { TestWorkflowEnvironment } from '@temporalio/testing';
import {
  DefaultLogger,
  Runtime,
  Worker,
  bundleWorkflowCode,
  makeTelemetryFilterString,
} from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { unpackState } from '../../../activities/monitor/carried-state.ts';
import type { ControlClient } from '../../../clients/gateway-client.ts';
import { createWatch } from '../../../activities/gateway/watch.ts';
import type { ControlView } from '../../../domain/control/state.ts';
import { firstState } from '../../../domain/control/apply-command.ts';
import type { WatchInput } from '../../../domain/contracts/guard-activities.ts';
import type { GuardReport } from '../../../domain/guard/reports.ts';
import { longTaskQueue } from '../../../domain/core/task-queues.ts';
import { SteadyClock } from '../../../domain/core/steady-clock.ts';
import type { SnapshotResult } from '../../../domain/metrics/snapshot.ts';
import { LaneTotals } from '../../support/alert-polls.ts';
import { aPlan } from '../../support/a-plan.ts';
import { snapshot } from '../../support/lane-traffic.ts';

const ROOT = new URL('../../../', import.meta.url).pathname;
const QUEUE = 'rollout';
const ID = 'rollout/retriever';
/** Of the runbook's plan. */
const POLLS_IN_72_HOURS = (72 * 3_600) / 15;

let env: TestWorkflowEnvironment;
let code: string;
beforeAll(async () => {
  const filter = makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' });
  Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { filter } } });
  const bundle = bundleWorkflowCode({
    workflowsPath: `${ROOT}test/support/guard-bundle.ts`,
    logger: new DefaultLogger('ERROR'),
  });
  env = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'existing-path', path: `${ROOT}.data/bin/temporal` } },
  });
  ({ code } = await bundle);
}, 180_000);
afterAll(() => env.teardown());

/**
 * Both lanes fail all the time, a hand is at the traffic every 200 polls, and the metrics are away for a while: the runbook's
 * plan, its guard's clock a thousand times as fast.
 */
class Outside {
  polls = 0;
  hands = 0;
  private readonly totals = new LaneTotals();

  /** 15 s a poll. */
  readonly clock = new SteadyClock(0, () => this.polls * 15_000);
  readonly control = { view: async () => this.view() } as unknown as ControlClient;
  readonly metrics = { snapshot: async () => this.snapshot(), lacking: async () => [] };

  private snapshot(): SnapshotResult {
    this.polls++;
    if (this.polls % 1_000 > 900) return { kind: 'missing', reason: 'connection refused' };
    const failing = { requests: 500, errors: 50 };
    const stable = this.totals.count('stable', failing, 'v-1');
    const candidate = this.totals.count('candidate', failing, 'v0');
    return snapshot(this.clock.now(), stable, candidate, { percent: 5 });
  }

  private view(): ControlView {
    this.hands = Math.floor(this.polls / 200);
    const what = { kind: 'byHand', by: 'bob', what: 'percent to 5', atMs: 0, percentBefore: 5 } as const;
    const state = {
      ...firstState({ release: 'v-1', flags: null }, 0),
      epoch: 1,
      percent: 5,
      interventions: this.hands,
      lastIntervention: this.hands > 0 ? what : null,
    };
    const lanes = { stable: null, candidate: null, previous: null, spare: null };
    return { state, lanes, nowMs: 0, killSwitch: false };
  }
}

async function startWorkers(outside: Outside) {
  const { clock, control, metrics } = outside;
  const activities = createWatch({
    clock,
    control,
    metrics,
    isAlive: async () => true,
    signal: (workflowId, name, payload) => env.client.workflow.getHandle(workflowId).signal(name, payload),
  });
  const every = { connection: env.nativeConnection, namespace: env.namespace ?? 'default', activities };
  const workers = await Promise.all([
    Worker.create({ ...every, taskQueue: QUEUE, workflowBundle: { code } }),
    Worker.create({ ...every, taskQueue: longTaskQueue(QUEUE) }),
  ]);
  const running = Promise.all(workers.map((worker) => worker.run()));
  return async () => {
    for (const worker of workers) worker.shutdown();
    await running;
  };
}

async function sizeOf(workflowId: string): Promise<{ events: number; bytes: number }> {
  const { raw } = await env.client.workflow.getHandle(workflowId).describe();
  const { historyLength, historySizeBytes } = raw.workflowExecutionInfo ?? {};
  return { events: Number(historyLength), bytes: Number(historySizeBytes) };
}

describe('the history of a guard', () => {
  it('does not grow with what it sees, over a restart of its worker, and the rollout hears each thing once', async () => {
    const plan = aPlan();
    const outside = new Outside();
    let stop = await startWorkers(outside);
    const input: WatchInput = {
      workflowId: ID,
      runId: 'run',
      epoch: 1,
      plan: { ...plan, guard: { ...plan.guard, pollMs: 1 } },
      candidate: 'v0',
      stable: 'v-1',
      interventions: 0,
      candidateQuality: null,
      stableQuality: null,
      carried: null,
    };
    const handle = await env.client.workflow.start('rollout', {
      args: [input],
      taskQueue: QUEUE,
      workflowId: ID,
    });
    await vi.waitUntil(() => outside.polls > 2_000, { timeout: 120_000, interval: 100 });
    await stop();
    const atStop = outside.polls;
    stop = await startWorkers(outside);
    await vi.waitUntil(() => outside.polls > atStop + 3_000, { timeout: 120_000, interval: 100 });
    const [own, parent] = [await sizeOf(`${ID}/guard`), await sizeOf(ID)];
    await handle.signal('leave');
    const carried = unpackState<{ reports: number }>((await handle.result()) as never);
    const { sent, taken: heard } = await handle.query<{ sent: GuardReport[]; taken: unknown[] }>('heard');
    await stop();
    // A worker that ends may send once more what its last heartbeat did not know to be sent.
    expect(heard).toHaveLength(new Set(sent.map(({ key }) => key)).size);
    expect(heard.length).toBeGreaterThan(20);
    expect(carried.reports).toBeGreaterThanOrEqual(heard.length - 1);
    // One activity, whatever happens.
    expect(own.events).toBeLessThanOrEqual(12);
    expect(own.bytes).toBeLessThan(100_000);
    // In 72 hours as bad as these.
    const reports = (heard.length / outside.polls) * POLLS_IN_72_HOURS;
    const perReport = { events: parent.events / heard.length, bytes: parent.bytes / heard.length };
    expect(perReport.events).toBeLessThan(6);
    expect(reports * perReport.events).toBeLessThan(5_000);
    expect(reports * perReport.bytes).toBeLessThan(5_000_000);
    console.log(
      JSON.stringify({
        own,
        parent,
        reports: heard.length,
        polls: outside.polls,
        in72Hours: reports,
        perReport,
      }),
    );
  }, 300_000);
});
