import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../../../devstack/ports.ts';
import { toolIn } from '../../../support/tool-process.ts';

let empty: string;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  empty = await mkdtemp(join(tmpdir(), 'check-rollback-'));
  const url = `http://127.0.0.1:${await freePort()}`;
  env = { ARTIFACTS_DIR: empty, GATEWAY_URL: url, CONTROL_URL: url };
});
afterAll(() => rm(empty, { recursive: true }));

describe('check-rollback where no rollout has written a baseline', () => {
  it('says that there is none, and what to do without', async () => {
    const { code, stderr } = await toolIn({ env }, 'rollout check-rollback');
    expect(stderr).toContain(
      `no baseline at ${join(empty, 'eval/baseline_metrics.json')}: a rollout writes one`,
    );
    expect(code).toBe(2);
  });

  it('checks version and probes of a release that is named, and says that metrics were not', async () => {
    const { code, stdout } = await toolIn({ env }, 'rollout check-rollback', '--release', 'v-1');
    expect(stdout).toMatch(/✗ version: the gateway does not answer[^]*✗ probes: [^]*- metrics: not checked/);
    expect(code).toBe(1);
  });
});
