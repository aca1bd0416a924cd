import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { healthOf, serveHealth } from '../../worker/health.ts';
import { WorkerGroup } from '../../worker/worker-group.ts';

const CLI = fileURLToPath(new URL('../../.data/bin/temporal', import.meta.url));
/** Above the 7 s that workers get to shut down. */
const GIVES_UP_MS = 20_000;

let env: TestWorkflowEnvironment;
const failures: string[] = [];
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  const executable = { type: 'existing-path', path: CLI } as const;
  env = await TestWorkflowEnvironment.createLocal({ server: { executable } });
}, 120_000);
afterAll(() => env?.teardown());
afterEach(() => failures.splice(0));

async function groupOf(...queues: readonly string[]) {
  const workers = await Promise.all(
    queues.map((taskQueue) =>
      Worker.create({
        connection: env.nativeConnection,
        taskQueue,
        activities: { hang },
        shutdownGraceTime: '100ms',
      }),
    ),
  );
  const members = workers.map((worker, i) => ({ taskQueue: queues[i] ?? '', worker }));
  return { workers, group: new WorkerGroup(members, ({ message }) => failures.push(message)) };
}

let begin: () => void = () => {};
let letGo: () => void = () => {};
const over = new Promise<void>((resolve) => (letGo = resolve));

/** Does not listen to its cancellation. */
function hang(): Promise<void> {
  begin();
  return over;
}

describe('workers that live together', () => {
  it('drain when they are stopped', async () => {
    const { group } = await groupOf('stop-a', 'stop-b');
    const running = group.run();
    expect(group.status().map(({ state }) => state)).toEqual(['RUNNING', 'RUNNING']);
    group.stop();
    await running;
    expect(group.status().map(({ state }) => state)).toEqual(['STOPPED', 'STOPPED']);
    expect(failures).toEqual([]);
  });

  it('end together where one shuts down by itself, and name it', async () => {
    const { group, workers } = await groupOf('self-a', 'self-b');
    const running = group.run();
    workers[1]?.shutdown();
    await expect(running).rejects.toThrow(
      /^the worker of self-b (ended|is DRAINING), though nobody stopped it$/,
    );
    expect(group.status().map(({ state }) => state)).toEqual(['STOPPED', 'STOPPED']);
    expect(failures).toHaveLength(1);
  });

  it('keep the first cause of several', async () => {
    const { group } = await groupOf('first-a', 'first-b');
    const running = group.run();
    group.fail(new Error('the first'));
    group.fail(new Error('the second'));
    await expect(running).rejects.toThrow('the first');
    expect(failures).toEqual(['the first']);
  });

  it.each<[string, RegExp, (group: WorkerGroup) => void]>([
    ['a failure', /^something broke$/, (group) => group.fail(new Error('something broke'))],
    [
      'a stop',
      /^workers still run 7000 ms after the stop: hang-a STOPPED, hang-b DRAINING$/,
      (group) => group.stop(),
    ],
  ])(
    'are given up where one hangs in its shutdown after %s',
    async (_what, words, end) => {
      const { group } = await groupOf('hang-a', 'hang-b');
      const running = group.run();
      await beginHanging('hang-b');
      end(group);
      await expect(running).rejects.toThrow(words);
    },
    GIVES_UP_MS,
  );
});

/** Resolves when a worker has begun the activity that never ends. */
async function beginHanging(taskQueue: string): Promise<void> {
  const begun = new Promise<void>((resolve) => (begin = resolve));
  await env.client.activity.start('hang', { id: randomUUID(), taskQueue, scheduleToCloseTimeout: '1h' });
  await begun;
}

afterAll(() => letGo());

describe('GET /health', () => {
  const running = (...states: string[]) => states.map((state) => ({ taskQueue: 'q', state }));
  it.each<[string, number, Parameters<typeof healthOf>]>([
    ['all run, and Temporal answered a moment ago', 200, [running('RUNNING', 'RUNNING'), 10]],
    ['one has failed', 503, [running('FAILED', 'RUNNING', 'RUNNING'), 10]],
    ['one drains', 503, [running('RUNNING', 'DRAINING'), 10]],
    ['the process starts', 503, [[], 10]],
    ['Temporal has never answered', 503, [running('RUNNING'), null]],
    ['Temporal has not answered for 36 s', 503, [running('RUNNING'), 36_000]],
  ])('where %s: %d', async (_what, status, facts) => {
    const server = await serveHealth({ host: '127.0.0.1', port: 0 }, () => healthOf(...facts));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const answer = await fetch(`http://127.0.0.1:${port}/health`);
    expect([answer.status, await answer.json()]).toEqual([status, healthOf(...facts)]);
    expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(404);
    await expect(
      serveHealth({ host: '127.0.0.1', port: port ?? 0 }, () => healthOf([], null)),
    ).rejects.toThrow(/^WORKER_HEALTH_PORT: /);
    server.close();
  });
});
