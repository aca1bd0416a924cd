import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker, bundleWorkflowCode } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { nodeCommand } from '../../../../devstack/process.ts';
import { ROOT } from '../../../../platform/node-command.ts';

const TASK_QUEUE = 'rollback-command';
const ID = 'rollback/retriever';

let env: TestWorkflowEnvironment;
let worker: Worker;
let running: Promise<void>;
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  env = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'existing-path', path: join(ROOT, '.data/bin/temporal') } },
  });
  const workflowsPath = fileURLToPath(new URL('../../../support/rollback-world.ts', import.meta.url));
  worker = await Worker.create({
    connection: env.nativeConnection,
    taskQueue: TASK_QUEUE,
    workflowBundle: await bundleWorkflowCode({ workflowsPath }),
    activities: {
      async deploymentRevision() {
        throw new Error('kubectl get: dial tcp 10.0.0.1:443: connect: connection refused');
      },
    },
  });
  running = worker.run();
}, 120_000);
afterAll(async () => {
  worker?.shutdown();
  await running;
  await env?.teardown();
});
afterEach(async () => {
  for (const id of [ID, 'rollout/retriever'])
    await env.client.workflow
      .getHandle(id)
      .terminate()
      .catch(() => {});
});

interface Ran {
  readonly code: number | string;
  readonly said: string;
}

/** `rollout rollback …` against the server. */
function command(...args: string[]): Promise<Ran> {
  return begun(args, () => {});
}

function begun(args: readonly string[], onStderr: (text: string) => void): Promise<Ran> {
  const where = { TEMPORAL_ADDRESS: env.address, TASK_QUEUE };
  const [node, ...rest] = nodeCommand('scripts/cli', 'rollout', 'rollback', ...args);
  return new Promise((resolve) => {
    const child = execFile(
      node,
      rest,
      { cwd: ROOT, env: { ...process.env, ...where } },
      (error, stdout, stderr) => resolve({ code: error?.code ?? 0, said: stdout + stderr }),
    );
    child.stderr?.on('data', onStderr);
  });
}

const start = (type: string, workflowId: string, ...args: unknown[]) =>
  env.client.workflow.start(type, { workflowId, taskQueue: TASK_QUEUE, args });

/** The rollback that runs, once it has been started with that input. */
async function until(wanted: object): Promise<void> {
  const handle = env.client.workflow.getHandle(ID);
  const input = async () => {
    const { events } = await handle.fetchHistory();
    const payload = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
    return JSON.parse(Buffer.from(payload?.data ?? []).toString());
  };
  await expect.poll(() => input().catch(() => null), { timeout: 30_000 }).toMatchObject(wanted);
}

describe('rollout rollback beside another rollback', () => {
  it.each([
    [
      'another method',
      { method: 'flags', by: 'ada' },
      ['--to', 'v-1'],
      /the method flags is under way .* asked for is the method release to v-1/,
    ],
    ['another release', { to: 'v-2' }, ['--to', 'v-1'], /the method release to v-2 is under way/],
    ['no release of its own', { to: 'v-2' }, [], /asked for is the method release to the release before/],
  ])(
    'does not take %s for its own: it says which one runs, and what to do',
    async (_, theirs, ours, said) => {
      await start('rollback', ID, theirs);
      const ran = await command(...ours);
      expect(ran).toEqual({ code: 1, said: expect.stringMatching(said) });
      expect(ran.said).toMatch(/--instead/);
      expect((await env.client.workflow.getHandle(ID).describe()).status.name).toBe('RUNNING');
    },
  );

  it('waits for one that does the same, whoever began it', async () => {
    const theirs = await start('rollback', ID, { method: 'release', to: 'v-1', by: 'ada' });
    let joined = '';
    const ran = begun(['--to', 'v-1', '--by', 'bob'], (text) => (joined += text));
    await expect.poll(() => joined, { timeout: 30_000 }).toMatch('release to v-1 is under way already');
    await theirs.signal('end');
    expect(await ran).toEqual({ code: 0, said: expect.stringMatching(/verified: .*"by":"ada"/) });
  });

  it('takes its place where that is asked for', async () => {
    const { firstExecutionRunId } = await start('rollback', ID, { method: 'flags' });
    const first = env.client.workflow.getHandle(ID, firstExecutionRunId);
    const ran = command('--to', 'v-1', '--instead');
    await until({ to: 'v-1' });
    expect((await first.describe()).status.name).toBe('TERMINATED');
    await env.client.workflow.getHandle(ID).signal('end');
    expect(await ran).toEqual({ code: 0, said: expect.stringMatching(/verified: .*"to":"v-1"/) });
  });
});

it('rollout rollback goes on by itself where the rollout has its outcome and refuses', async () => {
  await start('rollout', 'rollout/retriever');
  const ran = command('--reason', 'late');
  await until({ reason: 'late' });
  await env.client.workflow.getHandle(ID).signal('end');
  expect(await ran).toEqual({ code: 0, said: expect.stringMatching(/verified: .*"reason":"late"/) });
});

it('a Deployment that nobody answers for is given up, in words', async () => {
  const handle = await start('realRollback', 'rollback/kubernetes', { method: 'kubernetes' });
  const failure: unknown = await handle.result().catch((error: unknown) => error);
  expect((failure as { cause?: Error }).cause?.message).toMatch(
    /given up after 6 attempts: kubectl get: .*connection refused; the method release needs no cluster/,
  );
}, 120_000);
