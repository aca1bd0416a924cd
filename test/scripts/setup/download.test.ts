import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const SCRIPT = new URL('../../../scripts/setup/download.sh', import.meta.url).pathname;
const DOWNLOAD = 'wikipedia-wheel';
const WHEEL = 'gensim-4.4.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl';

/** The pinned wheel, out of the real cache: pip then "downloads" it from a folder, without a network. */
let pinned: string;
let folder: string;
let source: string;
let cache: string;
let calls: string;

beforeAll(async () => {
  pinned = (await run('bash', [SCRIPT, DOWNLOAD])).stdout.trim();
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'download-'));
  source = join(folder, 'source');
  cache = join(folder, 'cache');
  calls = join(folder, 'calls');
  mkdirSync(source);
  copyFileSync(pinned, join(source, WHEEL));
  writeFileSync(calls, '');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Puts a python3 before the real one: it notes each call, then runs `body`. */
function wrapPython(body: string): void {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'python3'), `#!/bin/bash\necho call >>"${calls}"\n${body}\n`);
  chmodSync(join(bin, 'python3'), 0o755);
}

const REAL_PYTHON = 'PATH=${PATH#*:}\nexec python3 "$@"';

function environment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
    RETRIEVER_CACHE: cache,
    PIP_NO_INDEX: '1',
    PIP_FIND_LINKS: source,
  };
}

const download = (name = DOWNLOAD) => run('bash', [SCRIPT, name], { env: environment() });
const callCount = () => readFileSync(calls, 'utf8').split('\n').length - 1;

describe('a pinned download', () => {
  beforeEach(() => wrapPython(REAL_PYTHON));

  it('is fetched once and kept by content', async () => {
    const first = (await download()).stdout.trim();
    expect(readFileSync(first).equals(readFileSync(pinned))).toBe(true);
    expect(basename(first)).toBe(basename(pinned));
    expect((await download()).stdout.trim()).toBe(first);
    expect(callCount()).toBe(1);
  });

  it('is fetched once by two set-ups at the same time', async () => {
    const [one, other] = await Promise.all([download(), download()]);
    expect(one.stdout).toBe(other.stdout);
    expect(callCount()).toBe(1);
  });

  it('is fetched again when the kept file is damaged', async () => {
    const kept = (await download()).stdout.trim();
    appendFileSync(kept, 'damage');
    const { stdout, stderr } = await download();
    expect(stderr).toContain(`the cached ${DOWNLOAD} is damaged`);
    expect(readFileSync(stdout.trim()).equals(readFileSync(pinned))).toBe(true);
  });

  it('is refused by name when it is not the pinned file', async () => {
    appendFileSync(join(source, WHEEL), 'x');
    await expect(download()).rejects.toThrow(/wikipedia-wheel .* is not the pinned file/);
    expect(readdirSync(join(cache, 'sha256'))).toEqual([]);
  });

  it('is refused by name when there is no such file', async () => {
    rmSync(join(source, WHEEL));
    await expect(download()).rejects.toThrow(/could not fetch wikipedia-wheel/);
    await expect(download('nonsense')).rejects.toThrow(/nonsense is not in/);
  });
});

it('a download killed half way counts for nothing, and the next one goes on', async () => {
  const half = join(cache, 'unfinished', WHEEL);
  wrapPython(`head -c 1000 "${pinned}" >"${half}"; echo started; sleep 1000`);
  const killed = spawn('bash', [SCRIPT, DOWNLOAD], { env: environment(), detached: true });
  await once(killed.stderr, 'data'); // what pip prints goes there
  expect(existsSync(half)).toBe(true);
  process.kill(-(killed.pid ?? 0), 'SIGKILL');
  await once(killed, 'close');
  expect(readdirSync(join(cache, 'sha256'))).toEqual([]);

  wrapPython(REAL_PYTHON);
  const kept = (await download()).stdout.trim();
  expect(readFileSync(kept).equals(readFileSync(pinned))).toBe(true);
});
