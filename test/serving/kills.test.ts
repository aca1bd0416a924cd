import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { ControlState, ControlView } from '../../domain/control/state.ts';
import { LANE_HEADERS } from '../../domain/control/http.ts';
import { GATEWAY_METRICS as METRICS } from '../../domain/metrics/snapshot.ts';
import { createStateStore } from '../../serving/gateway/control/state-store.ts';
import type { Answer, TestGateway } from '../support/gateway-process.ts';
import { createTestGateway, isAlive, metric, oldAndNew, ready } from '../support/gateway-process.ts';

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

async function share(percent: number): Promise<ControlView> {
  await gateway.control('PUT', '/control', { by: 'test', lanes: { candidate: 'v0' } });
  await gateway.until(ready('candidate'));
  const { body } = await gateway.control('PUT', '/control', { by: 'test', percent });
  return body;
}

function ask(user: string): Promise<Answer> {
  return gateway.search(query, { [LANE_HEADERS.requestKey]: user });
}

function pids({ lanes }: ControlView): number[] {
  return Object.values(lanes).flatMap((lane) => lane?.pid ?? []);
}

async function gone(pid: number): Promise<void> {
  await expect.poll(() => isAlive(pid), { timeout: 15_000 }).toBe(false);
}

async function stateOnDisk(): Promise<ControlState> {
  const state = await createStateStore(join(gateway.folder, 'state')).load();
  if (state === null) throw new Error('no state was written');
  return state;
}

it('kill -9 of the candidate under load: no user sees an error, the candidate is blamed, and it comes back', async () => {
  await gateway.start();
  const { lanes } = await share(100);
  const answers: Promise<Answer>[] = [];
  let underWay = 0;
  // Fewer at once than the gateway takes: on a busy machine an overload would be refused, and that is not what is tried here.
  const load = setInterval(() => {
    if (underWay >= 100) return;
    underWay++;
    answers.push(ask(`user ${answers.length}`).finally(() => underWay--));
  }, 5);
  await expect.poll(() => answers.length, { timeout: 10_000 }).toBeGreaterThan(20);
  process.kill(lanes.candidate?.pid ?? 0, 'SIGKILL');
  const back = await gateway.until(
    (view) => ready('candidate')(view) && view.lanes.candidate?.pid !== lanes.candidate?.pid,
  );
  clearInterval(load);
  const answered = await Promise.all(answers);
  expect(answered.filter(({ status }) => status !== 200)).toEqual([]);
  expect(new Set(answered.map(({ body }) => body.lane))).toEqual(new Set(['candidate', 'stable']));
  expect(back.lanes.candidate?.restarts).toBe(1);
  const text = await gateway.metrics();
  const fallbacks = metric(text, METRICS.served, { reason: 'fallback' });
  expect(fallbacks).toBeGreaterThan(0);
  expect(metric(text, METRICS.requests, { lane: 'candidate', outcome: 'error' })).toBe(fallbacks);
  expect(metric(text, METRICS.requests, { lane: 'stable' })).toBe(0);
  expect(metric(text, METRICS.userErrors)).toBe(0);
});

it('kill -9 of the gateway: its lanes end, and it comes back with the same split', async () => {
  await gateway.start();
  const before = await share(35);
  const users = Array.from({ length: 30 }, (_, i) => `user ${i}`);
  const lanesOf = async () => Promise.all(users.map(async (user) => (await ask(user)).body.lane));
  const split = await lanesOf();
  await gateway.kill();
  for (const pid of pids(before)) await gone(pid);
  await gateway.start({ STABLE_RELEASE: 'v0', CANARY_PERCENT: '90', RERANKER: 'on' });
  const after = await gateway.until(ready('candidate'));
  expect(after.state).toEqual(before.state);
  expect(await lanesOf()).toEqual(split);
});

it('answers from stable while the candidate still starts after a restart, and blames nobody', async () => {
  await gateway.start();
  await share(100);
  await gateway.kill();
  await gateway.start();
  const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => ask(`user ${i}`)));
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  expect(metric(await gateway.metrics(), METRICS.requests, { outcome: 'error' })).toBe(0);
});

it('[D1] kill -9 between the steps of a promotion: the restart finishes it', async () => {
  await gateway.start();
  await share(100);
  await gateway.kill();
  const untilMs = Date.now() + 600_000;
  await createStateStore(join(gateway.folder, 'state')).save({
    ...(await stateOnDisk()),
    promoting: { untilMs },
  });
  await gateway.start();
  const { state } = await gateway.until(ready('previous'));
  expect(state).toMatchObject({
    percent: 0,
    promoting: null,
    lanes: { stable: { release: 'v0' }, candidate: null, previous: { release: 'v-1', untilMs } },
  });
  expect((await ask('somebody')).body.release).toBe('v0');
});

it('kill -9 while a rollback waits for its lane: the restart finishes it', async () => {
  await gateway.start();
  await gateway.control('PUT', '/control', { by: 'test', rollbackTo: 'v0' });
  await gateway.kill();
  expect(await stateOnDisk()).toMatchObject({ restoring: 'v0' });
  await gateway.start();
  await gateway.until(ready('stable', 'v0'));
});

it('a lease that ran out while the gateway was down is lost, not started again', async () => {
  await gateway.start();
  await share(0);
  const take = { owner: 'run', key: 'run/1', expected: { owner: 'nobody', epoch: 0 } };
  const { body } = await gateway.control('POST', '/control/epoch', take);
  await gateway.control('PUT', '/control', {
    by: 'run',
    epoch: body.epoch,
    step: 'raise',
    percent: 20,
    interventions: body.view.state.interventions,
    lease: { ttlMs: 100, onExpiry: 'zero' },
  });
  await gateway.kill();
  const { lease } = await stateOnDisk();
  await expect.poll(() => Date.now()).toBeGreaterThan(lease?.expiresAtMs ?? 0);
  await gateway.start();
  const { state } = await gateway.until(() => true);
  expect(state).toMatchObject({ percent: 0, lastIntervention: { kind: 'leaseLost', percentBefore: 20 } });
});

it('[P5.3] CANARY_PERCENT=0 takes the share away at a start, and refuses a raise by anybody', async () => {
  await gateway.start();
  await share(20);
  await gateway.terminate();
  await gateway.start({ CANARY_PERCENT: '0' });
  const { state, killSwitch } = await gateway.until(() => true);
  expect([killSwitch, state.percent, state.lastIntervention?.kind]).toEqual([true, 0, 'killSwitch']);
  const { status, body } = await gateway.control('PUT', '/control', { by: 'test', percent: 5 });
  expect([status, body.detail]).toEqual([409, expect.stringMatching(/CANARY_PERCENT=0/)]);
});

it('SIGTERM: answers what is under way, ends its lanes, and exits with 0', async () => {
  await gateway.start();
  const view = await gateway.until(ready('stable'));
  // Texts are encoded one after the other: when the first is answered, the others are long under way.
  const texts = (i: number) =>
    ['one', 'two', 'three', 'four', 'five'].map((word) => `${word} ${i} `.repeat(50));
  const answers = Array.from({ length: 10 }, (_, i) => gateway.search({ context: texts(i) }));
  await Promise.race(answers);
  expect(await gateway.terminate()).toBe('exit code 0');
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(answers.map(() => 200));
  for (const pid of pids(view)) await gone(pid);
});

it.each([
  ['a state that it cannot read', {}, /control\.json is not JSON/],
  ['a control listener for all without a token of its own', { CONTROL_HOST: '0.0.0.0' }, /CONTROL_TOKEN/],
  ['an environment that makes no sense', { CANARY_PERCENT: 'some' }, /CANARY_PERCENT/],
])('does not start with %s', async (_, env: Record<string, string>, reason) => {
  await createStateStore(join(gateway.folder, 'state')).save({} as ControlState);
  await writeFile(join(gateway.folder, 'state', 'control.json'), '{"epoch":');
  await expect(gateway.start(env)).rejects.toThrow(reason);
});
