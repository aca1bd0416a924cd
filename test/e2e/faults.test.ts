import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WorkflowHandle } from '@temporalio/client';
import type { ControlView } from '../../domain/control/state.ts';
import type { TimelineEntry } from '../../domain/rollout/state.ts';
import type { CutProxy } from '../support/cut-proxy.ts';
import { startCutProxy } from '../support/cut-proxy.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { Traffic, World } from '../support/world.ts';
import { startWorld } from '../support/world.ts';

let world: World;
let traffic: Traffic;
let proxy: CutProxy;
let releasesDir = '';

beforeAll(async () => {
  releasesDir = await releasesFolder(await smallRelease('v-1'), await smallRelease('r-2'));
  proxy = await startCutProxy();
  world = await startWorld(releasesDir, 'v-1', { worker: { GATEWAY_URL: proxy.url } });
  proxy.forwardTo(world.stack.addresses.gateway);
  traffic = await world.startTraffic(80);
});
afterAll(async () => {
  await world?.close();
  await proxy?.close();
  await rm(releasesDir, { recursive: true, force: true });
});

const leaseEndMs = ({ state }: ControlView) => state.lease?.expiresAtMs ?? 0;

/** The guard lives: its lease was renewed after now, and the rollout stands where it stood. */
async function goesOn(percent: number): Promise<void> {
  const before = await world.untilControl('the gateway answers', ({ state }) => state.percent === percent);
  await world.untilControl('the lease is renewed', (view) => leaseEndMs(view) > leaseEndMs(before));
  expect(await world.status()).toMatchObject({
    percent,
    outcome: null,
    state: expect.not.stringContaining('held'),
  });
}

const isPassedVerdict = ({ kind, verdict }: TimelineEntry) => kind === 'verdict' && verdict === 'pass';

async function rollBack(rollout: WorkflowHandle): Promise<void> {
  await world.temporal('workflow', 'signal', '--workflow-id', 'rollout/retriever', '--name', 'rollback');
  expect(await rollout.result()).toMatchObject({ outcome: 'rolledBack' });
  expect(await world.status()).toMatchObject({ verified: true });
}

describe('a rollout among kills', () => {
  it('[E9] goes on where it was after kill -9 of the gateway, of Temporal and of the worker', async () => {
    const rollout = await world.startRollout('r-2', 'long-canary');
    await world.untilStatus('its canary', ({ percent }) => percent === 10);
    const { state } = await world.gateway.view();

    await world.stack.kill('gateway');
    await world.stack.start('gateway');
    const after = await world.gateway.view();
    expect([after.state.percent, after.state.epoch]).toEqual([10, state.epoch]);
    await goesOn(10);

    await world.stack.kill('temporal');
    await world.stack.start('temporal');
    await goesOn(10);

    await world.stack.kill('worker');
    await world.stack.start('worker');
    await goesOn(10);
    await rollBack(rollout);
  }, 150_000);

  it('is held at 0 % when the worker comes back after the lease, and goes on when a person says so', async () => {
    const rollout = await world.startRollout('r-2', 'short-lease');
    await world.untilStatus('its canary', ({ percent }) => percent === 10);
    await world.stack.kill('worker');
    const lost = await world.untilControl('the lease runs out', ({ state }) => state.percent === 0);
    expect(lost.state.lastIntervention?.kind).toBe('leaseLost');
    await world.stack.start('worker');
    const held = await world.untilStatus('held', ({ state }) => state === 'held');
    expect(held).toMatchObject({ percent: 0, reason: expect.stringMatching(/lease/) });
    expect((await world.gateway.view()).state.percent).toBe(0);
    await world.temporal('workflow', 'signal', '--workflow-id', 'rollout/retriever', '--name', 'resume');
    await world.untilControl('its stage again', ({ state }) => state.percent === 10);
    await rollBack(rollout);
  }, 120_000);

  it('rolls back when the candidate is killed again and again, and no user sees an error', async () => {
    const before = traffic.report();
    const rollout = await world.startRollout('r-2', 'long-canary');
    await world.untilStatus('its canary', ({ percent }) => percent === 10);
    let killed = 0;
    // As often as it comes back, until the guard has taken its users away.
    await world.untilControl('nobody on the candidate', ({ state, lanes: { candidate } }) => {
      if (candidate?.state === 'ready' && candidate.pid !== null) {
        process.kill(candidate.pid, 'SIGKILL');
        killed++;
      }
      return state.percent === 0;
    });
    expect(killed).toBeGreaterThan(0);
    expect(await rollout.result()).toMatchObject({
      outcome: 'rolledBack',
      reason: expect.stringMatching(/gross errors/),
    });
    expect(await world.status()).toMatchObject({ verified: true });
    const after = await traffic.until('a later report', ({ sent }) => sent > before.sent);
    expect(after.errors - before.errors).toBe(0);
  }, 60_000);

  it('does not know while the metrics are gone, and never raises', async () => {
    const rollout = await world.startRollout('r-2', 'compressed');
    await world.untilStatus('its canary', ({ percent }) => percent === 10);
    proxy.cut('/metrics');
    const held = await world.untilStatus('held', ({ state }) => state === 'held');
    expect(held).toMatchObject({ percent: 10, reason: expect.stringMatching(/metrics/) });
    expect(held.timeline.filter(isPassedVerdict)).toEqual([]);
    proxy.cut(null);
    await world.temporal('workflow', 'signal', '--workflow-id', 'rollout/retriever', '--name', 'resume');
    await world.untilStatus('a verdict that passes', ({ timeline }) => timeline.some(isPassedVerdict));
    await rollBack(rollout);
  }, 60_000);
});
