import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { World } from '../support/world.ts';
import { startWorld } from '../support/world.ts';

/** A lane that loads, and a worker that starts, while other tests have the machine. */
const LOADED_MS = 90_000;

let world: World;
let releasesDir = '';
beforeAll(async () => {
  releasesDir = await releasesFolder(await smallRelease('v-1'), await smallRelease('r-2'));
  world = await startWorld(releasesDir, 'v-1');
  await world.startTraffic(80);
});
afterAll(async () => {
  await world?.close();
  await rm(releasesDir, { recursive: true, force: true });
});

const candidate = async () => (await world.gateway.view()).lanes.candidate?.flags ?? null;

it('a rollout climbs its ladder on real lanes, through kill -9 of its worker, then holds; a rollback leaves no flag behind', async () => {
  const rollout = await world.startRollout('r-2', 'too-slow');
  await world.untilControl('the first step', ({ lanes }) => lanes.candidate?.flags.nprobe === 4, LOADED_MS);
  await world.stack.kill('worker');
  await world.stack.start('worker');

  const held = await world.untilStatus('the end of the ladder', ({ state }) => state === 'held', LOADED_MS);
  expect(held.ladder.map(({ step, to }) => [step, to])).toEqual([
    ['nprobeDown', { impl: 'amn_v0', reranker: 'on', nprobe: 4 }],
    ['rerankerOff', { impl: 'amn_v0', reranker: 'off', nprobe: 4 }],
  ]);
  expect(held.reason).toContain('no step of the ladder is left');
  expect(held.rows.map(({ reason }) => reason)).toContain('rerankP95: nothing was reranked');
  expect(await candidate()).toEqual({ impl: 'amn_v0', reranker: 'off', nprobe: 4 });
  // Each step was taken once, whatever the worker asked again.
  const { state } = await world.gateway.view();
  expect(state).toMatchObject({ percent: 50, interventions: 0 });

  await world.temporal('workflow', 'signal', '--workflow-id', 'rollout/retriever', '--name', 'rollback');
  expect(await rollout.result()).toMatchObject({ outcome: 'rolledBack' });
  const after = await world.gateway.view();
  expect(after.lanes.stable?.flags).toEqual({ impl: 'amn_v0', reranker: 'on', nprobe: 8 });
  expect((await world.gateway.health()).version).toBe('v-1');
}, 300_000);
