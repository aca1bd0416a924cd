import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunningProcess } from '../../scripts/stack/process.ts';
import { ROOT, nodeCommand, startProcess } from '../../scripts/stack/process.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';

const PORTS = ['TEMPORAL', 'TEMPORAL_UI', 'GATEWAY', 'CONTROL', 'WORKER_METRICS'];

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
async function started<T>(flags: readonly string[], body: (client: Client) => Promise<T>): Promise<T> {
  const stackFile = join(folder, 'run/stack.json');
  await rm(stackFile, { force: true });
  const stack: RunningProcess = startProcess({
    name: 'start',
    command: nodeCommand('scripts/start', ...flags),
    logFile: join(folder, 'start.log'),
    env: {
      ...Object.fromEntries(PORTS.map((name) => [`${name}_PORT`, '0'])),
      DATA_DIR: folder,
      RELEASES_DIR: releasesDir,
      ARTIFACTS_DIR: join(folder, 'artifacts'),
      PLANS_DIR: join(ROOT, 'test/fixtures/plans'),
      PROD_DOCS_DIR: join(folder, 'PROD'),
      STABLE_RELEASE: 'v-1',
      SERVICE: 'shop',
      TASK_QUEUE: 'shop-rollout',
    },
  });
  try {
    const text = await vi.waitFor(() => readFile(stackFile, 'utf8'), { timeout: 60_000, interval: 100 });
    const connection = await Connection.connect({ address: JSON.parse(text).temporal });
    try {
      return await body(new Client({ connection }));
    } finally {
      await connection.close();
    }
  } finally {
    await stack.stop(20_000);
  }
}

describe('npm start', () => {
  it('starts the monitor, and finds it there the next time', async () => {
    const monitor = async (client: Client) => {
      const { status, runId, taskQueue } = await client.workflow.getHandle('monitor/shop').describe();
      expect([status.name, taskQueue]).toEqual(['RUNNING', 'shop-rollout']);
      return runId;
    };
    const first = await started([], monitor);
    expect(await started([], monitor)).toBe(first);
  }, 180_000);
});
