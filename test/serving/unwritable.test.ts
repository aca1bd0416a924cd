import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createControlClient } from '../../clients/gateway-client.ts';
import { createTraffic } from '../../activities/gateway/traffic.ts';
import { createStateStore } from '../../serving/gateway/control/state-store.ts';
import type { TestGateway } from '../support/gateway-process.ts';
import { createTestGateway, metric, oldAndNew, ready } from '../support/gateway-process.ts';

let releases = '';
let query = {};
let gateway: TestGateway;

beforeAll(async () => {
  ({ releases, query } = await oldAndNew());
});
afterAll(() => rm(releases, { recursive: true }));
beforeEach(async () => {
  gateway = await createTestGateway(releases);
});
afterEach(async () => {
  await gateway.close();
});

const stateFolder = () => join(gateway.folder, 'state');

/** Root is refused nothing, but nobody writes into a file as if it were a folder. */
async function breakDisk(): Promise<void> {
  await rename(stateFolder(), `${stateFolder()}.away`);
  await writeFile(stateFolder(), '');
}

async function mendDisk(): Promise<void> {
  await rm(stateFolder());
  await rename(`${stateFolder()}.away`, stateFolder());
}

async function health() {
  return (await fetch(`${gateway.url()}/health`)).json() as Promise<{ state: { ok: boolean } }>;
}

async function lanesOf(users: number): Promise<Set<string>> {
  const answers = await Promise.all(
    Array.from({ length: users }, (_, i) => gateway.search(query, { 'x-request-key': `user ${i}` })),
  );
  return new Set(answers.map(({ body }) => body.lane));
}

it('users go back although the state cannot be written; the caller learns of it, and nothing brings them forth', async () => {
  await gateway.start();
  await gateway.share(50);
  await breakDisk();
  const asked = await gateway.byHand({ rollbackTo: 'v-1' });
  expect(asked).toMatchObject({ status: 500, body: { inForce: true, view: { state: { percent: 0 } } } });
  expect(asked.body.detail).toMatch(/in force, but not on disk: .*(ENOTDIR|EEXIST)/);
  expect(await lanesOf(30)).toEqual(new Set(['stable']));
  const raised = await gateway.byHand({ percent: 50 });
  expect(raised).toMatchObject({ status: 500, body: { inForce: false } });
  expect(raised.body.detail).toMatch(/nothing was changed/);
  expect(await lanesOf(30)).toEqual(new Set(['stable']));
  expect((await health()).state.ok).toBe(false);
  expect(metric(await gateway.metrics(), 'gateway_state_unsaved')).toBe(1);

  await mendDisk();
  await expect.poll(async () => (await health()).state.ok, { timeout: 10_000 }).toBe(true);
  expect(metric(await gateway.metrics(), 'gateway_state_unsaved')).toBe(0);
  expect(await createStateStore(stateFolder()).load()).toMatchObject({ percent: 0 });
});

/** As a worker of the rollout calls it. */
function asWorker(): ReturnType<typeof createTraffic> {
  const url = gateway.controlUrl();
  return createTraffic(
    createControlClient({ url, token: { file: join(gateway.folder, 'token') } }),
    'retriever',
  );
}

it("a workflow's rollback gets through, and again after a restart that forgot it", async () => {
  await gateway.start();
  await gateway.share(100);
  await breakDisk();
  const back = { key: 'rollback/1', by: 'rollback/1', owner: 'rollback/1', to: 'v-1' };
  await expect(asWorker().rollBackTraffic(back)).rejects.toThrow('in force, but not on disk');
  expect(await lanesOf(30)).toEqual(new Set(['stable']));

  await gateway.kill();
  await mendDisk();
  await gateway.start();
  await gateway.until(ready('candidate'));
  expect(await asWorker().rollBackTraffic(back)).toMatchObject({
    to: 'v-1',
    view: { state: { percent: 0 } },
  });
  expect(await createStateStore(stateFolder()).load()).toMatchObject({ percent: 0, owner: 'rollback/1' });
});

/** A folder whose name is so long that control.json can be opened in it, and not the file beside it that is written first. */
async function readableFolder(): Promise<string> {
  let folder = join(gateway.folder, 'deep');
  const wanted = 4091 - '/control.json'.length;
  while (wanted - folder.length > 250) folder = join(folder, 'x'.repeat(200));
  folder = join(folder, 'x'.repeat(wanted - folder.length - 1));
  await mkdir(folder, { recursive: true });
  await copyFile(join(stateFolder(), 'control.json'), join(folder, 'control.json'));
  return folder;
}

it('CANARY_PERCENT=0 serves stable from a state that can be read only', async () => {
  await gateway.start();
  await gateway.share(100);
  await gateway.kill();
  await gateway.start({ STATE_DIR: await readableFolder(), CANARY_PERCENT: '0' });
  expect(await lanesOf(30)).toEqual(new Set(['stable']));
  expect((await health()).state.ok).toBe(false);
});
