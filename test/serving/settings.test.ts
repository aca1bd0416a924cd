import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createControlClient } from '../../clients/gateway-client.ts';
import { ROOT } from '../../platform/node-command.ts';
import { readConfig } from '../../worker/config.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { TestGateway } from '../support/gateway-process.ts';
import { createTestGateway } from '../support/gateway-process.ts';

const TOKEN = 'a-token-of-this-test';
const STRAY = ['\n', '\r\n', ' '] as const;

let releases = '';
let gateway: TestGateway;
beforeEach(async () => {
  releases = await releasesFolder(await smallRelease('v-1'));
  gateway = await createTestGateway(releases);
}, 300_000);
afterEach(async () => {
  await gateway.close();
  await rm(releases, { recursive: true });
});

/** What an operator's machine and a worker have, with the same stray end behind each. */
const settings = (stray: string) => ({
  GATEWAY_URL: gateway.url() + stray,
  CONTROL_URL: gateway.controlUrl() + stray,
  CONTROL_TOKEN: TOKEN + stray,
  RELEASES_DIR: releases + stray,
});

function rollBack(env: NodeJS.ProcessEnv): Promise<{ code: unknown; said: string }> {
  return new Promise((resolve) => {
    const script = join(ROOT, 'scripts/rollback_retriever.sh');
    execFile(script, ['v-1'], { env: { ...process.env, ...env } }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, said: stdout + stderr }),
    );
  });
}

/** As the worker asks. */
const view = (env: NodeJS.ProcessEnv) => createControlClient(readConfig(env).control).view();

it('a token with a stray line end opens the control listener to all of ours, and a kill switch with one is one', async () => {
  await gateway.start({
    CONTROL_TOKEN: `${TOKEN}\r\n`,
    STABLE_RELEASE: 'v-1\n',
    GATEWAY_PORT: '0\n',
    CANARY_PERCENT: '0\n',
  });
  // Another machine's secret may have another end, or none.
  for (const ours of ['', ...STRAY]) expect(await view(settings(ours))).toMatchObject({ killSwitch: true });
  expect(await rollBack(settings('\r\n'))).toEqual({ code: 0, said: expect.stringMatching(/\nverified: /) });
  const { changedAtMs } = (await view(settings(''))).state;
  for (const [name, value] of [
    ['CONTROL_URL', ' '],
    ['CONTROL_TOKEN', 'short'],
    ['RELEASES_DIR', '\n'],
  ] as const) {
    const { code, said } = await rollBack({ ...settings(''), [name]: value });
    expect([code, said]).toEqual([2, expect.stringContaining(`${name}: `)]);
  }
  expect((await view(settings(''))).state.changedAtMs).toBe(changedAtMs);
}, 120_000);

it('a token in a file opens it as well, whatever ends its line', async () => {
  const file = join(gateway.folder, 'token');
  await writeFile(file, `\uFEFF${TOKEN}\r\n\r\n`);
  await gateway.start();
  const { CONTROL_TOKEN: _, ...others } = { ...settings(''), CONTROL_TOKEN_FILE: `${file}\n` };
  expect(await view(others)).toMatchObject({ killSwitch: false });
  expect(await rollBack(others)).toMatchObject({ code: 0 });
}, 120_000);

it.each<[string, string, RegExp]>([
  ['CANARY_PERCENT', ' ', /CANARY_PERCENT: holds nothing but blanks/],
  ['CONTROL_TOKEN', '\n', /CONTROL_TOKEN: holds nothing but blanks/],
  ['FAISS_NPROBE', '6', /FAISS_NPROBE: must be a whole number from 1 to 5, the lists of v-1, not 6/],
])('the gateway does not start where %s is %j', async (name, value, reason) => {
  await expect(gateway.start({ [name]: value })).rejects.toThrow(reason);
});
