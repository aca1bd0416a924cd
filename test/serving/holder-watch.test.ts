import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createControlClient } from '../../clients/gateway-client.ts';
import { createGatewayMetrics } from '../../clients/gateway-metrics.ts';
import type { Health } from '../../domain/control/http.ts';
import { GATEWAY_METRICS } from '../../domain/metrics/snapshot.ts';
import { SteadyClock } from '../../domain/core/steady-clock.ts';
import { startGuard } from '../support/guard-run.ts';
import type { TestServer } from '../support/http-server.ts';
import { startServer } from '../support/http-server.ts';
import { aPlan } from '../support/a-plan.ts';
import type { TestGateway } from '../support/gateway-process.ts';
import { createTestGateway, metric, oldAndNew } from '../support/gateway-process.ts';

const UNSEEN = 'gateway_holder_unseen_seconds';
const PATIENT = { timeout: 60_000 };

let releases = '';
let gateway: TestGateway;
let hook: TestServer;
let takes: boolean;
beforeAll(async () => {
  ({ releases } = await oldAndNew());
});
afterAll(() => rm(releases, { recursive: true }));
beforeEach(async () => {
  takes = true;
  gateway = await createTestGateway(releases);
  hook = await startServer(() => ({ status: takes ? 200 : 503, body: {} }));
});
afterEach(async () => {
  await gateway.close();
  await hook.close();
});

/** A gateway that says so after five seconds, by the worker's variables. */
async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
  await gateway.start({ HOLDER_UNSEEN_MS: '5000', NOTIFY_WEBHOOK_URL: `${hook.url}/page`, ...env });
}

/** Takes the epoch as a rollout does, and raises to 100 %. The epoch. */
async function ship(): Promise<number> {
  await gateway.share(0);
  const { state } = (await gateway.control('GET', '/control')).body;
  const taken = await gateway.control('POST', '/control/epoch', {
    owner: 'rollout/retriever/run',
    key: 'run',
    expected: { owner: state.owner, epoch: state.epoch },
  });
  const { epoch } = taken.body;
  const { interventions } = state;
  const raise = { by: 'run', epoch, step: 'raise', interventions, percent: 100 };
  expect((await gateway.control('PUT', '/control', raise)).body.state).toMatchObject({
    percent: 100,
    lease: null,
  });
  return epoch;
}

/** The rollout's guard, polling this gateway for that long. */
async function guard(epoch: number, forMs: number): Promise<void> {
  const clock = new SteadyClock(Date.now(), () => performance.now());
  const plan = aPlan();
  const watching = startGuard(
    {
      control: createControlClient({
        url: gateway.controlUrl(),
        token: { file: join(gateway.folder, 'token') },
      }),
      metrics: createGatewayMetrics(gateway.url(), clock.now),
      clock,
      isAlive: async () => true,
    },
    {
      workflowId: 'rollout/retriever',
      runId: 'run',
      epoch,
      plan: { ...plan, guard: { ...plan.guard, pollMs: 200 } },
      candidate: 'v0',
      stable: 'v-1',
      interventions: (await gateway.control('GET', '/control')).body.state.interventions,
      candidateQuality: null,
      stableQuality: null,
      carried: null,
    },
  );
  await pause(forMs);
  await watching.end();
  expect(watching.reports).toEqual([]);
}

async function health(): Promise<Health> {
  return (await (await fetch(`${gateway.url()}/health`)).json()) as Health;
}

const titles = () => hook.received.map(({ body }) => (body as { title?: string }).title);

it('a guard that is gone at 100 % is said by the gateway itself, and that it is back as well', async () => {
  await start();
  const epoch = await ship();
  await guard(epoch, 8_000);
  expect(hook.received).toEqual([]);
  expect((await health()).holder).toMatchObject({ ok: true, lastOkMs: expect.any(Number) });

  await expect.poll(() => hook.received.length, PATIENT).toBe(1);
  expect(hook.received[0]).toMatchObject({
    path: '/page',
    body: {
      severity: 'critical',
      title: 'Nobody watches v0, which has 100 % of the users',
      text: expect.stringContaining('bash scripts/rollback_retriever.sh v-1'),
    },
  });
  expect((await health()).holder.ok).toBe(false);
  expect(metric(await gateway.metrics(), UNSEEN)).toBeGreaterThanOrEqual(5);
  const line = (await gateway.log()).split('\n').find((text) => text.includes('Nobody watches v0'));
  expect(JSON.parse(line ?? '{}')).toMatchObject({ level: 50 });
  // It says so, and leaves users where they are.
  expect((await gateway.control('GET', '/control')).body.state.percent).toBe(100);

  const sign = await gateway.control('POST', '/control/lease', { epoch, ttlMs: 15_000 });
  expect(sign).toMatchObject({ status: 200, body: { expiresAtMs: null } });
  await expect.poll(titles, PATIENT).toEqual([expect.any(String), 'v0 is watched again']);
  expect((await health()).holder.ok).toBe(true);
});

it('what nobody watches since before a restart needs no new wait, is tried until it is taken, and is sent once', async () => {
  takes = false;
  await start();
  await ship();
  const unseenSeconds = async () => metric(await gateway.metrics(), UNSEEN);
  await expect.poll(unseenSeconds, PATIENT).toBeGreaterThan(2);
  await gateway.kill();
  await start();
  // A gateway that waited from its own start on would count no more than its own age.
  const text = await gateway.metrics();
  expect(metric(text, UNSEEN)).toBeGreaterThan(metric(text, GATEWAY_METRICS.uptime));
  await expect.poll(() => hook.received.length, PATIENT).toBeGreaterThanOrEqual(2);
  takes = true;
  const refused = hook.received.length;
  await expect.poll(() => hook.received.length, PATIENT).toBe(refused + 1);
  expect(new Set(hook.received.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);

  const kept = async () =>
    JSON.parse(await readFile(join(gateway.folder, 'state', 'holder-alert.json'), 'utf8'));
  await expect.poll(kept, PATIENT).toMatchObject({ notifications: 1 });
  await gateway.terminate();
  await start();
  expect((await health()).holder.ok).toBe(false);
  await gateway.byHand({ percent: 0 });
  await expect.poll(() => hook.received.length, PATIENT).toBe(refused + 2);
  expect(titles().at(-1)).toBe('v0 is no longer an unwatched candidate');
  // Three starts, and a webhook that is tried again after 5 and 10 s.
}, 180_000);

it.each([
  ['HOLDER_UNSEEN_MS', '300001'],
  ['HOLDER_UNSEEN_MS', '0'],
  ['NOTIFY_WEBHOOK_URL', 'chat'],
  ['NOTIFY_CRITICAL_FORMAT', 'teams'],
])('does not start with %s=%s, and names it', async (name, value) => {
  await expect(start({ [name]: value })).rejects.toThrow('ended while it started');
  expect(await gateway.log()).toContain(name);
});
