import type { WorkflowHandle } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { GOOD, FakeWorld } from '../../support/fake-world.ts';
import type { SkippedRollout } from '../../support/time-skipping.ts';
import { HOUR, MINUTE, TimeSkipping } from '../../support/time-skipping.ts';

const ID = 'rollout/retriever';
let server: TimeSkipping;
beforeAll(async () => {
  server = await TimeSkipping.create();
}, 120_000);

interface Size {
  readonly events: number;
  readonly bytes: number;
}

async function sizeOf(handle: WorkflowHandle): Promise<Size> {
  const history = await handle.fetchHistory();
  const bytes = temporal.api.history.v1.History.encode(history).finish().length;
  return { events: history.events?.length ?? 0, bytes };
}

/** Of each run of the rollout, the newest first. */
async function runs(env: TestWorkflowEnvironment): Promise<Size[]> {
  const sizes: Size[] = [];
  const newest = await env.client.workflow.getHandle(ID).describe();
  for (let runId: string | undefined = newest.runId; runId !== undefined;) {
    const handle: WorkflowHandle = env.client.workflow.getHandle(ID, runId);
    sizes.push(await sizeOf(handle));
    const first = (await handle.fetchHistory()).events?.[0];
    runId = first?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId || undefined;
  }
  return sizes;
}

/** A person who pauses and resumes until the run has been continued as new. */
async function growUntilRenewed(rollout: SkippedRollout, env: TestWorkflowEnvironment): Promise<string> {
  const runId = async () => (await env.client.workflow.getHandle(ID).describe()).runId;
  const first = await runId();
  for (let i = 0; i < 2_000; i++) {
    await rollout.handle.signal(i % 2 === 0 ? 'pause' : 'resume', { reason: `${i}` });
    await rollout.until(({ state }) => (state === 'paused') === (i % 2 === 0), 1_000, HOUR);
    const now = await runId();
    if (now !== first) return now;
  }
  throw new Error('never continued as new');
}

describe('the history of a rollout', () => {
  it('of 48 undisturbed hours has fewer than 1,000 events', async () => {
    await server.with(new FakeWorld(), async (start, env) => {
      const rollout = await start();
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'shipped' });
      const sizes = await runs(env);
      console.log('48 undisturbed hours', JSON.stringify(sizes));
      expect(sizes).toHaveLength(1);
      expect(sizes[0]?.events).toBeLessThan(1_000);
    });
  }, 120_000);

  it('of 72 bad hours, held all the time, has fewer than 5,000 events and 5 MB', async () => {
    const world = new FakeWorld();
    const bad = { ...GOOD, errorShare: 0.05, retrievalP95Ms: 30 };
    await server.with(world, async (start, env) => {
      const rollout = await start();
      await rollout.until(({ percent }) => percent === 5);
      world.candidate = () => bad;
      world.stable = bad;
      for (let passedMs = 0; passedMs < 72 * HOUR; passedMs += 30 * MINUTE) {
        const reason = 'errors: errorRate over 1 % for 10 min';
        await rollout.guardSees({ kind: 'baselineAlsoFailing', trigger: 'errors', reason });
        await rollout.guardSees({ kind: 'breaching', trigger: 'slow', reason: 'slow', stableToo: true });
        await rollout.guardSees({ kind: 'harm', trigger: 'sustained', reason: 'worse' });
        if (passedMs % (6 * HOUR) === 0) await rollout.handle.signal('hold', { reason: 'a look' });
        await rollout.pass(30 * MINUTE);
      }
      const sizes = await runs(env);
      console.log('72 bad hours', JSON.stringify(sizes));
      expect((await rollout.status()).state).toBe('held');
      const all = sizes.reduce((a, b) => ({ events: a.events + b.events, bytes: a.bytes + b.bytes }));
      expect(all.events).toBeLessThan(5_000);
      expect(all.bytes).toBeLessThan(5_000_000);
      await rollout.handle.signal('rollback');
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'rolledBack' });
    });
  }, 300_000);

  it('begins again near a limit: the rollout goes on as it was, and rollback takes users back', async () => {
    const world = new FakeWorld();
    await server.with(world, async (start, env) => {
      const rollout = await start();
      await rollout.until(({ state }) => state === 'canary-5: measuring');
      const second = await growUntilRenewed(rollout, env);
      const before = await rollout.status();
      expect(before).toMatchObject({ percent: 5, candidate: 'retriever_v0', rollsBackTo: 'v-1' });
      const size = await sizeOf(env.client.workflow.getHandle(ID, second));
      console.log('a second run', JSON.stringify(size));
      // All that it knows is in its first event.
      expect(size.bytes).toBeLessThan(200_000);
      const { owner, epoch } = world.state;
      // It still hears its guard, and a raise is a new step.
      if (before.state === 'paused') await rollout.handle.signal('resume');
      const reason = 'no metrics';
      await rollout.guardSees({ kind: 'noTelemetry', reason });
      await rollout.until(({ state }) => state === 'held');
      await rollout.handle.signal('resume');
      await rollout.until(({ percent }) => percent === 25);
      expect(world.state).toMatchObject({ owner, epoch });
      await rollout.handle.signal('rollback', { reason: 'seen enough' });
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'rolledBack' });
      const numbers = world.decisions.map(({ number }) => number);
      expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers.map((_, i) => i + 1));
      expect(new Set(world.decisions.map(({ runId }) => runId)).size).toBe(1);
    });
  }, 300_000);
});
