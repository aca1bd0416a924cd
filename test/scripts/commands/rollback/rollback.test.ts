import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ROOT } from '../../../../platform/node-command.ts';
import { releasesFolder, smallRelease } from '../../../fixtures/releases.ts';
import type { TestGateway } from '../../../support/gateway-process.ts';
import { createTestGateway, ready } from '../../../support/gateway-process.ts';

let releases = '';
let empty = '';
let damaged = '';
let hanging = '';
let gateway: TestGateway;
beforeAll(async () => {
  releases = await releasesFolder(await smallRelease('v-1'), await smallRelease('v0'));
  empty = await mkdtemp(join(tmpdir(), 'releases-'));
  damaged = await releasesFolder(await smallRelease('v-1'));
  await writeFile(join(damaged, 'v-1/probes.jsonl'), '{"query": half a line');
  // Opening a pipe that nobody writes to waits for ever, as a share does whose server is gone.
  hanging = await releasesFolder(await smallRelease('v-1'));
  await rm(join(hanging, 'v-1/probes.jsonl'));
  execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', join(hanging, 'v-1/probes.jsonl')]);
  gateway = await createTestGateway(releases);
  await gateway.start();
}, 300_000);
afterAll(async () => {
  await gateway.close();
  for (const folder of [releases, empty, damaged, hanging]) await rm(folder, { recursive: true });
});
beforeEach(() => gateway.share(50));

interface Ran {
  readonly code: number | string;
  readonly said: string;
}

/** The operator's script against the gateway, on a machine with these releases. */
function script(release: string, releasesDir: string): Promise<Ran> {
  const env = {
    ...process.env,
    GATEWAY_URL: gateway.url(),
    CONTROL_URL: gateway.controlUrl(),
    CONTROL_TOKEN_FILE: join(gateway.folder, 'token'),
    RELEASES_DIR: releasesDir,
  };
  return new Promise((resolve) => {
    execFile(join(ROOT, 'scripts/rollback_retriever.sh'), [release], { env }, (error, stdout, stderr) =>
      resolve({ code: error?.signal ?? error?.code ?? 0, said: stdout + stderr }),
    );
  });
}

const percent = async () => (await gateway.control('GET', '/control')).body.state.percent;

describe('the rollback script', () => {
  it('takes users back and proves it', async () => {
    expect(await script('v-1', releases)).toEqual({
      code: 0,
      said: expect.stringMatching(/users are on v-1 [^]*\nverified: \/health says v-1; (\d+) of \1 probes/),
    });
    expect(await percent()).toBe(0);
  });

  it.each<[string, () => string, string | number, RegExp]>([
    ['has no releases', () => empty, 1, /users are back, NOT verified: .*eval_queries.* is missing/],
    ['has damaged probes', () => damaged, 1, /users are back, NOT verified: .*probes\.jsonl: line 1/],
    [
      'has a share that hangs',
      () => hanging,
      'SIGKILL',
      /users are back, NOT verified: .* not read after 10 s/,
    ],
  ])(
    'takes users back where its machine %s',
    async (_, folder, code, said) => {
      expect(await script('v-1', folder())).toEqual({ code, said: expect.stringMatching(said) });
      expect(await percent()).toBe(0);
    },
    60_000,
  );

  it('says that users are back but may not stay so, where the gateway cannot write its state', async () => {
    const state = join(gateway.folder, 'state');
    await rename(state, `${state}.away`);
    await writeFile(state, 'a file where the folder should be');
    try {
      const said = /\nverified: [^]*\nusers are back, NOT kept: .* in force, but not on disk/;
      expect(await script('v-1', releases)).toEqual({ code: 1, said: expect.stringMatching(said) });
      expect(await percent()).toBe(0);
    } finally {
      await rm(state);
      await rename(`${state}.away`, state);
    }
  });

  it('says which releases there are where the gateway knows none of that name, and changes nothing', async () => {
    expect(await script('v-7', releases)).toEqual({
      code: 2,
      said: expect.stringMatching(/there is no release v-7; .* has: v-1, v0/),
    });
    expect(await percent()).toBe(50);
  });

  it('says how it is used, and does nothing', async () => {
    expect(await script('--help', releases)).toEqual({
      code: 0,
      said: expect.stringMatching(/^usage: .*CONTROL_URL/s),
    });
    expect(await percent()).toBe(50);
  });

  it('goes back to a release that is warm although its files are gone', async () => {
    await gateway.byHand({ percent: 100 });
    await gateway.byHand({ promote: { previousForMs: 600_000 } });
    await gateway.until(ready('previous', 'v-1'));
    await rename(releases, `${releases}.away`);
    try {
      const ran = await script('v-1', releases);
      expect(ran.said).toMatch(/users are on v-1/);
      const { body } = await gateway.control('GET', '/control');
      expect(body.state.lanes.stable.release).toBe('v-1');
    } finally {
      await rename(`${releases}.away`, releases);
    }
  });
});
