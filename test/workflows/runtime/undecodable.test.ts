import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { temporal } from '@temporalio/proto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';
import { payloadConverter } from '../../../workflows/runtime/payload-converter.ts';
import { CreepingWorld } from '../../support/creeping-world.ts';
import { FakeWorld } from '../../support/fake-world.ts';
import { MINUTE, TimeSkipping } from '../../support/time-skipping.ts';

const { History } = temporal.api.history.v1;
type Event = temporal.api.history.v1.IHistoryEvent;
type Payload = temporal.api.common.v1.IPayload;
const NAMESPACE = 'default';

const BROKEN: readonly (readonly [string, Payload])[] = [
  ['in an encoding that nobody here knows', payload('binary/encrypted', 'abc')],
  ['of JSON that is cut off', payload('json/plain', '{"reason":"the gra')],
];
const [[, ENCRYPTED]] = BROKEN as [(typeof BROKEN)[0]];

function payload(encoding: string, data: string): Payload {
  return { metadata: { encoding: Buffer.from(encoding) }, data: Buffer.from(data) };
}

let server: TimeSkipping;
beforeAll(async () => {
  server = await TimeSkipping.create();
}, 120_000);

const canary = ({ percent, state }: { percent: number; state: string }) =>
  percent === 5 && state.endsWith('measuring');

describe('a message whose argument cannot be decoded', () => {
  it.each(BROKEN)('%s: a signal and an update count, and the reason says so', async (_what, broken) => {
    await server.with(new FakeWorld(), async (start, env) => {
      const rollout = await start();
      await rollout.until(canary);
      await signal(env, 'hold', broken);
      const held = await rollout.until(({ state }) => state === 'held', MINUTE);
      expect(held.reason).toContain('undecodable');
      await update(env, 'resume', broken);
      await rollout.until(({ state }) => state !== 'held', MINUTE);
      await signal(env, 'rollback', broken, broken);
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'rolledBack' });
    });
  });

  it('does not keep a query from its answer', async () => {
    await server.with(new FakeWorld(), async (start, env) => {
      const rollout = await start();
      await rollout.until(canary);
      const { queryResult } = await env.client.workflowService.queryWorkflow({
        namespace: NAMESPACE,
        execution: { workflowId: rollout.handle.workflowId },
        query: { queryType: 'status', queryArgs: { payloads: [ENCRYPTED] } },
      });
      expect(JSON.parse(Buffer.from(queryResult?.payloads?.[0]?.data ?? '').toString())).toMatchObject({
        percent: 5,
      });
      await rollout.handle.signal('rollback');
      await rollout.handle.result();
    });
  });

  it('fails the workflow where it is its input, in words that a person reads', async () => {
    await server.serve(new FakeWorld().activities(), async (env, taskQueue) => {
      await begin(env, taskQueue, { input: { payloads: [ENCRYPTED] } });
      await expect(env.client.workflow.getHandle('rollout/retriever').result()).rejects.toMatchObject({
        cause: { message: expect.stringContaining('wrong input') },
      });
    });
  });
});

describe('what nobody but we wrote', () => {
  it("fails the workflow's task where it is an activity's result, and the workflow rollback is heard all the same", async () => {
    const world = new FakeWorld();
    let reached: () => void = () => {};
    const evaluating = new Promise<void>((resolve) => (reached = resolve));
    let answer: () => void = () => {};
    const answered = new Promise<void>((resolve) => (answer = resolve));
    world.before = async (activity) => {
      if (activity !== 'awaitLane') return;
      reached();
      await answered;
    };
    await server.with(world, async (start, env) => {
      const { handle } = await start();
      await evaluating;
      const { raw } = await handle.describe();
      await env.client.workflowService.respondActivityTaskCompletedById({
        namespace: NAMESPACE,
        workflowId: handle.workflowId,
        activityId: raw.pendingActivities?.[0]?.activityId ?? '',
        result: { payloads: [ENCRYPTED] },
      });
      answer();
      await expect
        .poll(async () => (await taskFailures(handle)).at(0), { timeout: 30_000 })
        .toContain('Unknown encoding: binary/encrypted');

      const rollback = await env.client.workflow.start('rollback', {
        taskQueue: 'rollout',
        workflowId: 'rollback/retriever',
      });
      expect(await rollback.result()).toMatchObject({ outcome: 'rolledBack' });
      await handle.terminate('its history cannot be read');
    });
  });

  it.each<[string, string, (event: Event) => void]>([
    ["an activity's result", 'shipped', (event) => spoil(event.activityTaskCompletedEventAttributes?.result)],
    [
      'a memo',
      'shipped',
      ({ workflowExecutionStartedEventAttributes: started }) => {
        if (started) started.memo = { fields: { note: ENCRYPTED } };
      },
    ],
    [
      'the last result',
      'evaluation',
      ({ workflowExecutionStartedEventAttributes: started }) => {
        if (started) started.lastCompletionResult = { payloads: [ENCRYPTED] };
      },
    ],
  ])('is never taken for a value: %s', async (_what, name, damage) => {
    const file = new URL(`../histories/${name}.pb.gz`, import.meta.url);
    const history = History.decode(gunzipSync(readFileSync(file)));
    const workflowBundle = { code: server.code };
    const id = name === 'evaluation' ? 'evaluation/nightly' : 'rollout/retriever';
    await Worker.runReplayHistory({ workflowBundle }, history, id);
    for (const event of history.events) damage(event);
    await expect(Worker.runReplayHistory({ workflowBundle }, history, id)).rejects.toThrow(
      /Unknown encoding: binary\/encrypted/,
    );
  });

  it("is never taken for a value: a child's result", async () => {
    await server.with(new CreepingWorld(), async (start) => {
      const rollout = await start();
      await rollout.handle.result();
      const history = History.fromObject(await rollout.handle.fetchHistory());
      const results = history.events.flatMap(
        (event) => event.childWorkflowExecutionCompletedEventAttributes?.result ?? [],
      );
      expect(results, 'the sweep of the ladder').toHaveLength(1);
      results.forEach(spoil);
      await expect(
        Worker.runReplayHistory({ workflowBundle: { code: server.code } }, history, 'rollout/retriever'),
      ).rejects.toThrow(/Unknown encoding: binary\/encrypted/);
    });
  });

  it('throws outside of workflows, as for arguments and heartbeats of an activity', () => {
    const context = { type: 'workflow', namespace: NAMESPACE, workflowId: 'rollout/retriever' } as const;
    expect(() => payloadConverter.fromPayload(ENCRYPTED, context)).toThrow('Unknown encoding');
  });
});

function spoil(result: temporal.api.common.v1.IPayloads | null | undefined): void {
  if (result?.payloads?.length) result.payloads = [ENCRYPTED];
}

async function taskFailures(handle: {
  fetchHistory(): Promise<temporal.api.history.v1.IHistory>;
}): Promise<string[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap(
    ({ workflowTaskFailedEventAttributes: failed }) => failed?.failure?.message ?? [],
  );
}

async function signal(env: TestWorkflowEnvironment, signalName: string, ...payloads: Payload[]) {
  await env.client.workflowService.signalWorkflowExecution({
    namespace: NAMESPACE,
    workflowExecution: { workflowId: 'rollout/retriever' },
    signalName,
    input: { payloads },
  });
}

async function update(env: TestWorkflowEnvironment, name: string, broken: Payload) {
  const { outcome } = await env.client.workflowService.updateWorkflowExecution({
    namespace: NAMESPACE,
    workflowExecution: { workflowId: 'rollout/retriever' },
    waitPolicy: {
      lifecycleStage:
        temporal.api.enums.v1.UpdateWorkflowExecutionLifecycleStage
          .UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED,
    },
    request: { meta: { updateId: name, identity: 'test' }, input: { name, args: { payloads: [broken] } } },
  });
  expect(outcome?.failure?.message).toBeUndefined();
}

async function begin(
  env: TestWorkflowEnvironment,
  taskQueue: string,
  more: temporal.api.workflowservice.v1.IStartWorkflowExecutionRequest,
) {
  await env.client.workflowService.startWorkflowExecution({
    namespace: NAMESPACE,
    requestId: 'one',
    workflowId: 'rollout/retriever',
    workflowType: { name: 'rollout' },
    taskQueue: { name: taskQueue },
    ...more,
  });
}
