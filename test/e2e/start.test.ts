import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunningProcess } from '../../devstack/process.ts';
import { freePort } from '../../devstack/ports.ts';
import { nodeCommand, startProcess } from '../../devstack/process.ts';
import { ROOT } from '../../platform/node-command.ts';
import type { Stack } from '../../devstack/stack.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import { toolIn } from '../support/tool-process.ts';

const PROXIES = ['http_proxy', 'https_proxy', 'all_proxy', 'grpc_proxy'];
const PORTS = ['TEMPORAL', 'TEMPORAL_UI', 'GATEWAY', 'CONTROL', 'WORKER_METRICS', 'WORKER_HEALTH'];

let releasesDir = '';
let folder = '';
beforeAll(async () => {
  releasesDir = await releasesFolder(await smallRelease('v-1'));
  folder = await mkdtemp(join(tmpdir(), 'start-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await rm(releasesDir, { recursive: true, force: true });
});

/** `npm start`, until the stack is there, then the body, then Ctrl-C. */
async function started<T>(
  flags: readonly string[],
  body: (client: Client, addresses: Stack['addresses'] & { readonly pid: number }) => Promise<T>,
  env: Readonly<Record<string, string>> = {},
): Promise<T> {
  const stackFile = join(folder, 'run/stack.json');
  await rm(stackFile, { force: true });
  const stack: RunningProcess = startProcess({
    name: 'start',
    command: nodeCommand('scripts/cli', 'start', ...flags),
    logFile: join(folder, 'start.log'),
    env: {
      ...Object.fromEntries(PORTS.map((name) => [`${name}_PORT`, '0'])),
      DATA_DIR: folder,
      RELEASES_DIR: releasesDir,
      PLANS_DIR: join(ROOT, 'test/fixtures/plans'),
      STABLE_RELEASE: 'v-1',
      SERVICE: 'shop',
      TASK_QUEUE: 'shop-rollout',
      ...env,
    },
  });
  try {
    const text = await vi.waitFor(() => readFile(stackFile, 'utf8'), { timeout: 150_000, interval: 100 });
    const addresses: Stack['addresses'] & { readonly pid: number } = JSON.parse(text);
    const connection = await Connection.connect({ address: addresses.temporal });
    try {
      return await body(new Client({ connection }), addresses);
    } finally {
      await connection.close();
    }
  } finally {
    await stack.stop(20_000);
  }
}

/** Pid of the stack's worker. Throws where none runs. */
function workerOf(stack: number): number {
  const children = readFileSync(`/proc/${stack}/task/${stack}/children`, 'utf8')
    .trim()
    .split(' ')
    .map(Number);
  const found = children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('worker/main'));
  if (found === undefined) throw new Error('no worker runs');
  return found;
}

/** For tools that look at the stack, as an operator may have typed them. */
function settingsOf({ temporal, gateway, control, workerHealth }: Stack['addresses']): NodeJS.ProcessEnv {
  return {
    TEMPORAL_ADDRESS: `${temporal}\n`,
    GATEWAY_URL: `${gateway}/`,
    CONTROL_URL: `${control}/`,
    WORKER_HEALTH_URL: workerHealth,
    CONTROL_TOKEN_FILE: join(folder, 'run/control-token'),
    STATE_DIR: join(folder, 'gateway'),
    DATA_DIR: folder,
    RELEASES_DIR: releasesDir,
    SERVICE: 'shop',
    TASK_QUEUE: 'shop-rollout',
  };
}

describe('npm start', () => {
  it('[P4.4] starts the monitor, and finds it there the next time', async () => {
    const monitor = async (client: Client) => {
      const { status, runId, taskQueue } = await client.workflow.getHandle('monitor/shop').describe();
      expect([status.name, taskQueue]).toEqual(['RUNNING', 'shop-rollout']);
      return runId;
    };
    const first = await started([], monitor);
    expect(await started([], monitor)).toBe(first);
  }, 180_000);

  it('comes up, and is looked at, where a proxy that cannot reach it is set for everything', async () => {
    const proxy = `http://127.0.0.1:${await freePort()}`;
    const env = {
      ...Object.fromEntries(
        PROXIES.flatMap((name) => [name, name.toUpperCase()]).map((name) => [name, proxy]),
      ),
      no_proxy: 'example.org',
      NODE_USE_ENV_PROXY: '1',
    };
    await started(
      [],
      async (_client, addresses) => {
        const ours = { ...env, ...settingsOf(addresses) };
        const ask = (...args: [string, ...string[]]) => toolIn({ env: ours }, ...args);
        expect(await ask('rollout', 'status')).toMatchObject({
          code: 1,
          stdout: 'there is no rollout/shop\n',
        });
        expect(await ask('rollout', 'list')).toMatchObject({ code: 0, stdout: 'none yet\n' });
        expect(await ask('rollback', 'v-1')).toMatchObject({ code: 0 });
        const { stdout } = await ask('diagnose', '--json');
        const found: { findings: { part: string; state: string }[] } = JSON.parse(stdout);
        const wrong = found.findings.filter(({ state }) => state === 'wrong' || state === 'skipped');
        expect(
          wrong.filter(({ part }) => /gateway|control|lane|index|Temporal|worker|monitor/.test(part)),
        ).toEqual([]);
      },
      env,
    );
  }, 240_000);

  it('starts a worker again that ended by itself, and users are served all the while', async () => {
    await started(['--no-monitor'], async (_client, { pid, workerHealth, gateway }) => {
      const before = workerOf(pid);
      process.kill(before, 'SIGKILL');
      await vi.waitFor(
        async () => {
          expect((await fetch(`${gateway}/health`)).status).toBe(200);
          expect(workerOf(pid)).not.toBe(before);
          expect((await fetch(workerHealth)).status).toBe(200);
        },
        { timeout: 60_000, interval: 200 },
      );
    });
  }, 120_000);

  it('keeps the records of its service in its own folder, and no other stack takes them for its own', async () => {
    await started(['--no-monitor'], async (client, addresses) => {
      const { outcome } = await client.workflow.execute('rollout', {
        taskQueue: 'shop-rollout',
        workflowId: 'rollout/shop',
        args: [{ service: 'shop', candidate: 'nothing-there', plan: 'compressed' }],
      });
      expect(outcome).toBe('refused');
      const ours = join(folder, 'artifacts/shop/decisions/nothing-there.jsonl');
      expect(await readFile(ours, 'utf8')).toContain('"workflowId":"rollout/shop"');
      expect(existsSync(join(ROOT, 'artifacts/decisions/nothing-there.jsonl'))).toBe(false);
      const decisions = async (env: NodeJS.ProcessEnv) => {
        const { stdout } = await toolIn({ env: { ...settingsOf(addresses), ...env } }, 'diagnose');
        return stdout.split('\n').find((line) => line.includes(' decisions: '));
      };
      expect(await decisions({})).toContain(`1 records in ${ours}`);
      const other = join(folder, 'of another stack');
      expect(await decisions({ DATA_DIR: other })).toBe(
        `- decisions: none in ${other}/artifacts/shop/decisions: no rollout has decided anything`,
      );
      expect(await decisions({ SERVICE: 'retriever' })).toContain(`none in ${folder}/artifacts/decisions`);
    });
  }, 240_000);
});
