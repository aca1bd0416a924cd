import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../../../../devstack/ports.ts';
import { ROOT, moduleCommand } from '../../../../platform/node-command.ts';
import { allCommands } from '../../../../scripts/cli/command.ts';
import { commands } from '../../../../scripts/commands/tree.ts';
import { releasesFolder, smallRelease } from '../../../fixtures/releases.ts';
import type { TestGateway } from '../../../support/gateway-process.ts';
import { createTestGateway } from '../../../support/gateway-process.ts';

const TOKEN = 'a-token-of-this-test';
const SCRIPT = join(ROOT, 'scripts/rollback_retriever.sh');
const isRoot = process.getuid?.() === 0;
/** Compiled under `npm test`: the script above is what runs from the sources. */
const RETRIEVER = moduleCommand('scripts/cli');
/** An id that no machine has an entry for. */
const NOBODY = 'setpriv --reuid=54321 --regid=54321 --clear-groups';

let work = '';
let releases = '';
let gateway: TestGateway;
let closed = '';
beforeAll(async () => {
  releases = await releasesFolder(await smallRelease('v-1'), await smallRelease('v0'));
  gateway = await createTestGateway(releases);
  await gateway.start({ CONTROL_TOKEN: TOKEN });
  closed = `http://127.0.0.1:${await freePort()}`;
  work = await mkdtemp(join(tmpdir(), 'odd-'));
  // A link to a link to the script, in folders with a blank in their names.
  await mkdir(join(work, 'of the operator/bin'), { recursive: true });
  await symlink(SCRIPT, join(work, 'of the operator/first link'));
  await symlink('../first link', join(work, 'of the operator/bin/rollback'));
  await mkdir(join(work, 'gone'));
  for (const folder of [work, releases]) await chmod(folder, 0o755);
}, 300_000);
afterAll(async () => {
  await gateway.close();
  for (const folder of [work, releases]) await rm(folder, { recursive: true });
});

interface Ran {
  readonly code: number | null;
  readonly said: string;
}

/** A line of shell with these variables and no others; `$SCRIPT` is the operator's script. */
function shell(line: string, env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn('/bin/bash', ['-c', line], {
      cwd: work,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
        SCRIPT,
        ROOT,
        GATEWAY_URL: gateway.url(),
        CONTROL_URL: gateway.controlUrl(),
        CONTROL_TOKEN: TOKEN,
        RELEASES_DIR: releases,
        ...env,
      },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.once('close', (code) => resolve({ code, said }));
  });
}

const percent = async () => (await gateway.control('GET', '/control', undefined, TOKEN)).body.state.percent;

async function half(): Promise<void> {
  const set = (change: object) => gateway.control('PUT', '/control', { by: 'test', ...change }, TOKEN);
  const { state, lanes } = (await gateway.control('GET', '/control', undefined, TOKEN)).body;
  if (state.lanes.candidate?.release !== 'v0') await set({ percent: 0, lanes: { candidate: 'v0' } });
  if (lanes.candidate?.state !== 'ready')
    await expect
      .poll(
        async () => (await gateway.control('GET', '/control', undefined, TOKEN)).body.lanes.candidate?.state,
        {
          timeout: 30_000,
        },
      )
      .toBe('ready');
  await set({ percent: 50 });
}

type Env = Readonly<Record<string, string>>;
const ODD: readonly [string, string, Env?][] = [
  ['nothing but what it needs', '"$SCRIPT" v-1'],
  ['another folder, by a relative path', 'cd /usr && "$(realpath --relative-to=/usr "$SCRIPT")" v-1'],
  ['a folder that was removed', 'cd gone && rmdir ../gone && "$SCRIPT" v-1'],
  ['a chain of links with blanks in their names', '"of the operator/bin/rollback" v-1'],
  ['a link in PATH', 'PATH="$PATH:$PWD/of the operator/bin" && rollback v-1'],
  ['a plain sh', 'sh "$SCRIPT" v-1'],
  ['bash, as documents have it', 'bash "$SCRIPT" v-1'],
  ['CDPATH', 'cd "$ROOT" && bash scripts/rollback_retriever.sh v-1', { CDPATH: '/usr:/' }],
  ['a PATH of its own', 'PATH=/nowhere; "$SCRIPT" v-1'],
  ['umask 777', 'umask 777 && "$SCRIPT" v-1'],
  [
    'no folder for temporary files',
    '"$SCRIPT" v-1',
    { TMPDIR: '/nowhere', TMP: '/nowhere', TEMP: '/nowhere' },
  ],
  ['options of node that keep it from starting', '"$SCRIPT" v-1', { NODE_OPTIONS: '--require=/nowhere.cjs' }],
  ['no standard streams', '"$SCRIPT" v-1 <&- >&- 2>&-'],
  ['a reader who has left', '"$SCRIPT" v-1 | true; exit ${PIPESTATUS[0]}'],
  [
    'a terminal that knows nothing',
    '"$SCRIPT" v-1',
    { TERM: 'dumb', LANG: 'xx_XX', LC_ALL: 'C', COLUMNS: '0' },
  ],
  [
    'slashes at the end of its addresses',
    'CONTROL_URL=$CONTROL_URL/ GATEWAY_URL=$GATEWAY_URL// "$SCRIPT" v-1',
  ],
  ['an empty HOME', '"$SCRIPT" v-1', { HOME: '' }],
  ['a HOME that is not there', '"$SCRIPT" v-1', { HOME: '/nowhere' }],
];
const AS_ROOT: typeof ODD = [
  ['a user without an entry', `${NOBODY} "$SCRIPT" v-1`],
  [
    'a user without an entry who may write nowhere',
    `umask 077; ${NOBODY} "$SCRIPT" v-1`,
    { TMPDIR: '/nowhere' },
  ],
];

describe('the rollback script takes users back and proves it with', () => {
  beforeEach(half);

  it.each([...ODD])('%s', async (_, line, env = {}) => {
    const { code, said } = await shell(line, env);
    expect([code, said, await percent()]).toEqual([0, expect.not.stringContaining('rror'), 0]);
  });

  it.runIf(isRoot).each([...AS_ROOT])('%s (as root)', async (_, line, env = {}) => {
    const { code, said } = await shell(line, env);
    expect([code, said, await percent()]).toEqual([0, expect.stringMatching(/\nverified: /), 0]);
    expect((await gateway.control('GET', '/control', undefined, TOKEN)).body.state.changedBy).toBe(
      'rollback_retriever.sh/uid 54321',
    );
  });

  it.each(['http_proxy', 'ALL_PROXY'])('a proxy in %s that does not answer', async (name) => {
    const env = { [name]: closed, NODE_USE_ENV_PROXY: '1' };
    expect(await shell('"$SCRIPT" v-1', env)).toEqual({
      code: 0,
      said: expect.stringMatching(/\nverified: /),
    });
    expect(await percent()).toBe(0);
  });
});

describe('the rollback script changes nothing and ends with 2 for', () => {
  beforeEach(half);

  it.each(['v-1/', '../v-1', 'artifacts/releases/v-1', '', ' v-1', 'v-1 v0', '-x', 'v-1\n'])(
    '%j',
    async (release) => {
      const { code, said } = await shell('"$SCRIPT" "$RELEASE"', { RELEASE: release });
      expect([code, said, await percent()]).toEqual([
        2,
        expect.stringMatching(/^(RELEASE: must be a name of |Unknown option)[^]*\nusage: /),
        50,
      ]);
    },
  );
});

describe('every command explains itself to a user without an entry and without HOME', () => {
  const words = allCommands(commands).map(({ path }) => path.join(' '));
  const unprivileged = isRoot ? NOBODY : '';

  it.concurrent.each(words)('%s', async (name) => {
    const { code, said } = await shell(
      `cd / && umask 777 && ${unprivileged} ${RETRIEVER.join(' ')} ${name} --help`,
      { TSX_DISABLE_CACHE: '1' },
    );
    expect([code, said]).toEqual([0, expect.not.stringMatching(/\n +at /)]);
    expect(said).toContain(`\nExample: npx retriever ${name}`);
  });
});
