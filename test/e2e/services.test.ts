import { rm } from 'node:fs/promises';
import { Client, Connection, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RollbackResult } from '../../workflows/rollback/rollback.ts';
import type { RolloutResult } from '../../workflows/rollout/rollout.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { World } from '../support/world.ts';
import { startWorld } from '../support/world.ts';

const OTHER_QUEUE = 'other-rollout';

let world: World;
let other: World;
let connection: Connection;
let client: Client;
let releasesDir = '';

/** Two stacks, each with its gateway, its lanes and its worker; both workers are at the first one's Temporal. */
beforeAll(async () => {
  releasesDir = await releasesFolder(await smallRelease('v-1'), await smallRelease('r-2'));
  world = await startWorld(releasesDir, 'v-1');
  const { temporal } = world.stack.addresses;
  other = await startWorld(releasesDir, 'v-1', {
    worker: { TEMPORAL_ADDRESS: temporal, TASK_QUEUE: OTHER_QUEUE, SERVICE: 'other' },
  });
  connection = await Connection.connect({ address: temporal });
  client = new Client({ connection });
});
afterAll(async () => {
  await connection?.close();
  await other?.close();
  await world?.close();
  await rm(releasesDir, { recursive: true, force: true });
});

function start(service: string, taskQueue: string, plan: string) {
  return client.workflow.start('rollout', {
    taskQueue,
    workflowId: `rollout/${service}`,
    args: [{ service, candidate: 'r-2', plan }],
  });
}

describe('rollouts beside each other', () => {
  it('[E10] of one service are refused, of two services go their own ways', async () => {
    const rollout = await world.startRollout('r-2', 'long-canary');
    await world.untilStatus('its canary', ({ percent }) => percent === 10);
    await expect(world.startRollout('r-2', 'compressed')).rejects.toThrow(
      WorkflowExecutionAlreadyStartedError,
    );
    const before = await world.gateway.view();

    const traffic = await other.startTraffic(80);
    const shipped: RolloutResult = await (await start('other', OTHER_QUEUE, 'compressed')).result();
    expect(shipped).toMatchObject({ outcome: 'shipped' });
    expect((await other.gateway.health()).version).toBe('r-2');
    expect(await traffic.stop()).toMatchObject({ errors: 0 });

    const after = await world.gateway.view();
    expect([after.state.percent, after.state.epoch]).toEqual([10, before.state.epoch]);
    expect((await world.gateway.health()).version).toBe('v-1');
    expect(await world.status()).toMatchObject({ percent: 10, outcome: null });

    await rollout.signal('rollback');
    expect(await rollout.result()).toMatchObject({ outcome: 'rolledBack' });
    expect((await other.gateway.health()).version).toBe('r-2');
  }, 240_000);

  it('[E10] a worker moves no users of a service that is not its own', async () => {
    const { state } = await world.gateway.view();
    const result: RolloutResult = await (await start('other', 'retriever-rollout', 'compressed')).result();
    expect(result).toMatchObject({
      outcome: 'refused',
      reason: expect.stringMatching(/serves retriever, not other/),
    });
    expect((await world.gateway.view()).state.epoch).toBe(state.epoch);
  }, 60_000);

  it('nor does it take them back, unless the id names no service at all', async () => {
    const { state } = await world.gateway.view();
    const takeBack = (workflowId: string) =>
      client.workflow.start('rollback', {
        taskQueue: 'retriever-rollout',
        workflowId,
        args: [{ to: 'v-1' }],
      });
    await expect((await takeBack('rollback/other')).result()).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/this worker serves retriever, not other/) },
    });
    expect((await world.gateway.view()).state.epoch).toBe(state.epoch);
    // As somebody types it in a hurry.
    const result: RollbackResult = await (await takeBack('8c1f')).result();
    expect(result).toMatchObject({ outcome: 'rolledBack', verified: true });
    expect((await world.gateway.view()).state.epoch).toBe(state.epoch + 1);
  }, 60_000);
});
