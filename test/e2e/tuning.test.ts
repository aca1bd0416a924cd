import { readFileSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TASK_QUEUE } from '../../domain/core/task-queues.ts';
import type { TuningStatus } from '../../domain/tuning/status.ts';
import type { nprobeTuning } from '../../workflows/tuning/nprobe-tuning.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { World } from '../support/world.ts';
import { startWorld, until } from '../support/world.ts';

let world: World;
let releasesDir = '';
let connection: Connection;

beforeAll(async () => {
  releasesDir = await releasesFolder(await smallRelease('v-1'));
  world = await startWorld(releasesDir, 'v-1');
  connection = await Connection.connect({ address: world.stack.addresses.temporal });
});
afterAll(async () => {
  await connection?.close();
  await world?.close();
  await rm(releasesDir, { recursive: true, force: true });
});

it('[N3] sweeps the serving process, changes its nprobe, and takes it back where a killed worker left it', async () => {
  const traffic = await world.startTraffic(60);
  const { workflow } = new Client({ connection });
  const handle = await workflow.start<typeof nprobeTuning>('nprobeTuning', {
    args: [{ nprobes: [1, 3, 5], targetMs: 1_000 }],
    taskQueue: TASK_QUEUE,
    workflowId: 'nprobeTuning/retriever',
  });
  const status = (): Promise<TuningStatus> => handle.query('status');
  const measuring = await until(
    'the change',
    status,
    ({ state }) => state.startsWith('measuring with nprobe'),
    60_000,
  );
  const counted = async () =>
    (await (await fetch(`${world.stack.addresses.gateway}/metrics`)).text()).match(
      /gateway_requests_total\{.*$/gm,
    );
  expect(measuring.trials.map(({ nprobe }) => nprobe)).toEqual([1, 3, 5]);
  // The small corpus has five lists: all of them are the truth.
  expect(measuring.trials.at(-1)).toMatchObject({ nprobe: 5, recall: 1, deltaPoints: 0 });
  expect(measuring.trials[0]?.recall).toBeLessThan(1);
  const { state } = await world.gateway.view();
  expect(state.lanes.stable.flags?.nprobe).toBe(measuring.chosen);

  await world.stack.kill('worker');
  await world.stack.start('worker');
  await handle.signal('rollback');
  const result = await handle.result();
  expect(result).toMatchObject({ outcome: 'reverted', nprobe: 8 });
  // One change forth and one back: the worker's restart repeated neither.
  const { state: after } = await world.gateway.view();
  expect(after.lanes.stable.flags?.nprobe).toBe(8);
  expect(after.steps).toHaveLength(2);
  const { errors, sent } = await traffic.stop();
  expect(errors).toBe(0);

  const artifacts = join(world.folder, 'artifacts/tuning');
  expect(
    readdirSync(artifacts)
      .map((file) => file.replace(/\d{8}_\d{6}/, 'DATE'))
      .toSorted(),
  ).toEqual(['nprobe_sweep_DATE.json', 'nprobe_sweep_DATE.svg']);
  const log = readFileSync(join(world.folder, 'PROD/nprobe_tuning.md'), 'utf8');
  expect(log).toContain(`stable v-1, was nprobe=8, ${result.outcome}: nprobe=${measuring.chosen} (P95=`);
  expect(log.match(/was nprobe=8/g)).toHaveLength(1);
  // Thousands of searches of the sweep are no user's.
  const requests = (await counted()) ?? [];
  const users = requests.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  expect(users).toBeLessThanOrEqual(sent);
}, 180_000);
