import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeCommand } from '../../devstack/process.ts';

/** A folder that is the whole PATH. */
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'path-'));
  symlinkSync(process.execPath, join(folder, 'node'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What the worker says before it ends. */
async function startWorker(): Promise<string> {
  const [file, ...args] = nodeCommand('worker/main');
  // Nobody listens there: a worker that has all it needs ends with that.
  const env = {
    PATH: folder,
    DEPLOYMENT: 'kubernetes',
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    WORKER_METRICS_PORT: '0',
  };
  return promisify(execFile)(file, args, { env }).then(
    () => 'it ran',
    ({ code, stderr }: { code: number; stderr: string }) => `${code} ${stderr}`,
  );
}

describe('a worker with DEPLOYMENT=kubernetes', () => {
  it('is refused at its start where there is no kubectl, with what to do', async () => {
    expect(await startWorker()).toMatch(
      /^1 .*DEPLOYMENT=kubernetes needs kubectl on the PATH, and it cannot be run \(spawn kubectl ENOENT\).*or leave DEPLOYMENT empty/s,
    );
  });

  it('goes on to Temporal where there is one', async () => {
    writeFileSync(join(folder, 'kubectl'), '#!/bin/sh\necho v1\n');
    chmodSync(join(folder, 'kubectl'), 0o755);
    expect(await startWorker()).toMatch(/^1 .*Temporal does not answer at 127.0.0.1:1/s);
  });
});
