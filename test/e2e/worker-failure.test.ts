import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { request } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createActivities } from '../../activities/index.ts';
import { TASK_QUEUE, longTaskQueue } from '../../domain/core/task-queues.ts';
import { readConfig } from '../../worker/config.ts';
import type { WorkerHealth } from '../../worker/health.ts';
import { isAlive } from '../../worker/sign-of-life.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import { started } from '../support/started.ts';
import type { World } from '../support/world.ts';
import { startWorld, until } from '../support/world.ts';

const ID = 'rollout/retriever';
const FAULTS = new URL('../fixtures/worker-faults.mjs', import.meta.url).href;
/** Failure seen (0.5 s), shutdown at most (7 s), and a machine that has other work. */
const ENDS_WITHIN_MS = 20_000;
/** A lane that loads, and a worker that starts, while other tests have the machine. */
const LOADED_MS = 120_000;
/** temporal.api.enums.v1.PendingActivityState */
const STARTED = 2;

let world: World;
let releasesDir = '';
let connection: Connection;
let client: Client;
const exits: string[] = [];

beforeAll(async () => {
  releasesDir = await releasesFolder(await smallRelease('v-1'), await smallRelease('r-2'));
  world = await startWorld(
    releasesDir,
    'v-1',
    { worker: { NODE_OPTIONS: `--import ${FAULTS}` } },
    (reason, part) => exits.push(`${part}: ${reason}`),
  );
  connection = await Connection.connect({ address: world.stack.addresses.temporal });
  client = new Client({ connection, workflow: { queryRejectCondition: 'NOT_OPEN' } });
});
afterAll(async () => {
  await connection?.close();
  await world?.close();
  await rm(releasesDir, { recursive: true, force: true });
});

/** Whatever a test left: the next one finds a worker and no rollout. */
afterEach(async () => {
  await world.stack.start('worker');
  await client.workflow
    .getHandle(ID)
    .terminate('the test is over')
    .catch(() => {});
  exits.length = 0;
});

async function health(): Promise<{ status: number; body: WorkerHealth }> {
  const { statusCode, body } = await request(world.stack.addresses.workerHealth);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the shape is what the test is about
  return { status: statusCode, body: (await body.json()) as WorkerHealth };
}

const healthy = () => until('health is 200', health, ({ status }) => status === 200, LOADED_MS);

/** Messages of the process's last words, at pino's level `fatal`. */
function fatal(): string[] {
  return readFileSync(join(world.folder, 'logs/worker.log'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{"level":60'))
    .map((line) => JSON.parse(line).msg);
}

const ended = () =>
  until(
    'the worker process ends',
    async () => exits.splice(0),
    (all) => all.length > 0,
    ENDS_WITHIN_MS,
  );

describe('one failed worker', () => {
  it('ends the whole process with 1 where the workflow thread runs out of memory, and a restart goes on', async () => {
    const rollout = await world.startRollout('r-2', 'long-canary');
    await world.untilStatus('its canary', ({ percent }) => percent === 10, LOADED_MS);
    const { body } = await healthy();
    expect(body.workers).toEqual(
      ['', '-long', '-batch'].map((suffix) => ({ taskQueue: `${TASK_QUEUE}${suffix}`, state: 'RUNNING' })),
    );

    process.kill(world.stack.pid('worker') ?? 0, 'SIGURG');
    expect(await ended()).toEqual([expect.stringMatching(/^worker: .*exit code 1/)]);
    expect(fatal()).toEqual([
      expect.stringMatching(/^the worker of retriever-rollout failed: .*ERR_WORKER_OUT_OF_MEMORY/),
    ]);

    await world.stack.start('worker');
    await healthy();
    await world.untilStatus(
      'the rollout answers',
      ({ percent, outcome }) => percent === 10 && outcome === null,
    );
    await rollout.signal('rollback');
    expect(await rollout.result()).toMatchObject({ outcome: 'rolledBack' });
  }, 400_000);

  it('ends as well by a rejection that nobody caught', async () => {
    const before = fatal().length;
    process.kill(world.stack.pid('worker') ?? 0, 'SIGWINCH');
    expect(await ended()).toEqual([expect.stringMatching(/^worker: .*exit code 1/)]);
    expect(fatal().slice(before)).toEqual(['unhandledRejection: nobody awaits this']);
    await world.stack.start('worker');
  }, 400_000);

  it('is no failure where the process is stopped: SIGTERM drains it, and it ends with 0', async () => {
    process.kill(world.stack.pid('worker') ?? 0, 'SIGTERM');
    expect(await ended()).toEqual([expect.stringMatching(/^worker: .*exit code 0/)]);
    await world.stack.start('worker');
  }, 400_000);
});

describe('health', () => {
  it('is 503 while Temporal does not answer, and 200 again afterwards', async () => {
    await healthy();
    await world.stack.kill('temporal');
    const { body } = await until('health is 503', health, ({ status }) => status === 503, LOADED_MS);
    expect(body).toMatchObject({
      ok: false,
      workers: [{ state: 'RUNNING' }, { state: 'RUNNING' }, { state: 'RUNNING' }],
    });
    await world.stack.start('temporal');
    await healthy();
  }, 400_000);
});

/** The guard's activity as Temporal has it. */
async function guardActivity() {
  const { raw } = await client.workflow.getHandle(`${ID}/guard`).describe();
  return {
    attempt: raw.pendingActivities?.[0]?.attempt ?? 0,
    state: Number(raw.pendingActivities?.[0]?.state),
  };
}

describe('the lease of a rollout whose workflow no worker serves', () => {
  it('ends, though the queue of its guard is served', async () => {
    const rollout = await world.startRollout('r-2', 'long-canary');
    await world.untilStatus('its canary', ({ percent }) => percent === 10, LOADED_MS);
    await started(client.workflow.getHandle(`${ID}/guard`));
    await until('the guard watches', guardActivity, ({ state }) => state === STARTED, LOADED_MS);
    await world.stack.kill('worker');
    const { temporal, gateway, control } = world.stack.addresses;
    const config = readConfig({
      GATEWAY_URL: gateway,
      CONTROL_URL: control,
      CONTROL_TOKEN_FILE: world.stack.tokenFile,
      RELEASES_DIR: releasesDir,
    });
    const activities = createActivities(config, {
      searchAttributes: false,
      log: () => {},
      isRunning: async () => true,
      isAlive: (workflowId, runId) => isAlive(client, workflowId, runId),
      signal: (workflowId, name, payload) => client.workflow.getHandle(workflowId).signal(name, payload),
    });
    const native = await NativeConnection.connect({ address: temporal });
    const taskQueue = longTaskQueue(TASK_QUEUE);
    const long = await Worker.create({ connection: native, taskQueue, activities });
    await long.runUntil(async () => {
      await until(
        'the guard watches again',
        guardActivity,
        ({ attempt, state }) => attempt > 1 && state === STARTED,
        LOADED_MS,
      );
      const lost = await world.untilControl('the lease ends', ({ state }) => state.percent === 0, LOADED_MS);
      expect(lost.state.lastIntervention?.kind).toBe('leaseLost');
    });
    await native.close();
    await world.stack.start('worker');
    await world.untilStatus('held', ({ state }) => state === 'held');
    await rollout.signal('rollback');
    await rollout.result();
  }, 400_000);

  it('knows an open run from one that has ended and from another of the same id', async () => {
    const rollout = await world.startRollout('r-2', 'long-canary');
    await world.untilStatus('its canary', ({ percent }) => percent === 10, LOADED_MS);
    const { runId } = await rollout.describe();
    expect(await isAlive(client, ID, runId)).toBe(true);
    expect(await isAlive(client, ID, 'another-run')).toBe(false);
    await rollout.signal('rollback');
    await rollout.result();
    expect(await isAlive(client, ID, runId)).toBe(false);
    expect(await isAlive(client, 'rollout/nowhere', runId)).toBe(false);
  }, 400_000);
});
