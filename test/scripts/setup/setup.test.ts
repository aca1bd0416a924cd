import { execFile } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const ROOT = new URL('../../..', import.meta.url).pathname;

let clone: string;
beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'setup-'));
  cpSync(join(ROOT, 'scripts/setup'), join(clone, 'scripts/setup'), { recursive: true });
  mkdirSync(join(clone, '.data/stamps'), { recursive: true });
});
afterEach(() => rmSync(clone, { recursive: true }));

/** One step of set-up in a clone that holds only set-up itself. */
const step = (name: string, env: NodeJS.ProcessEnv = process.env) =>
  run('bash', [`scripts/setup/${name}.sh`], { cwd: clone, env });

function program(path: string, body: string): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/bash\n${body}\n`);
  chmodSync(path, 0o755);
}

describe('set-up', () => {
  it('says and changes nothing when all is done, twice at the same time too', async () => {
    const outputs = [
      'native/build/retriever-index.node',
      '.data/bin/temporal',
      '.data/corpus/wikipedia-sample.jsonl',
    ];
    const changed = () => outputs.map((output) => statSync(join(ROOT, output)).mtimeMs);
    const before = changed();
    const runs = [1, 2].map(() => run('bash', [join(ROOT, 'scripts/setup.sh')]));
    for (const { stdout, stderr } of await Promise.all(runs)) {
      expect(stdout).toBe('');
      expect(stderr.replace('set-up: another set-up works in this clone; waiting for it\n', '')).toBe('');
    }
    expect(changed()).toEqual(before);
  });
});

/** PATH with nothing but these tools and the given programs. */
function pathWith(tools: string[], programs: Record<string, string>): NodeJS.ProcessEnv {
  const bin = join(clone, 'bin');
  mkdirSync(bin);
  for (const tool of tools) {
    const found = (process.env['PATH'] ?? '')
      .split(':')
      .map((path) => join(path, tool))
      .find(existsSync);
    if (found) symlinkSync(found, join(bin, tool));
  }
  for (const [name, body] of Object.entries(programs)) program(join(bin, name), body);
  return { PATH: bin, HOME: clone };
}

describe('a missing prerequisite', () => {
  it.each([
    ['no Node', ['bash'], {}, /Node\.js 20\.19 or newer, with npm is missing\. Install it/],
    ['an old Node', ['bash', 'npm'], { node: 'echo v18.20.1' }, /here: v18\.20\.1/],
    ['a Node just too old', ['bash', 'npm'], { node: 'echo v20.18.9' }, /here: v20\.18\.9/],
    [
      'no compiler, and no apt-get',
      ['bash', 'npm', 'flock'],
      { node: 'echo v22.1.0', python3: 'exit 0' },
      /build-essential libfaiss-dev libopenblas-dev .* is missing\..*sudo apt-get install -y build-essential/s,
    ],
    [
      'no pip',
      ['bash', 'npm', 'flock'],
      { node: 'echo v22.1.0', python3: 'exit 1', 'g++': 'exit 0' },
      /python3-pip .* is missing\..*sudo apt-get install -y python3-pip/s,
    ],
    [
      'no libfaiss, and apt-get fails',
      ['bash', 'npm', 'flock'],
      {
        node: 'echo v22.1.0',
        python3: 'exit 0',
        'g++': '! grep -q faiss',
        'apt-get': 'exit 100',
        sudo: 'exit 1',
      },
      /libfaiss-dev is missing\. Install.*sudo .*apt-get install -y libfaiss-dev/s,
    ],
  ])('is named with the command that brings it: %s', async (_name, tools, programs, message) => {
    await expect(step('prerequisites', pathWith([...tools, 'grep'], programs))).rejects.toThrow(message);
  });
});

describe("the user's own", () => {
  it('Temporal programs are taken', async () => {
    const [cli, server] = [join(clone, 'my-temporal'), join(clone, 'my-server')];
    program(cli, 'echo my own temporal');
    program(server, 'echo my own server');
    await step('temporal', { ...process.env, TEMPORAL_CLI: cli, TEMPORAL_TEST_SERVER: server });
    expect((await run(join(clone, '.data/bin/temporal'))).stdout).toBe('my own temporal\n');
    expect((await run(join(clone, '.data/bin/temporal-test-server'))).stdout).toBe('my own server\n');
  });

  it('Temporal program is refused when it is none', async () => {
    const env = { ...process.env, TEMPORAL_CLI: '/nowhere/temporal' };
    await expect(step('temporal', env)).rejects.toThrow('/nowhere/temporal is not a program');
    expect(existsSync(join(clone, '.data/bin/temporal'))).toBe(false);
  });

  it.each([
    [
      'nothing',
      [],
      /models\/mine \(RETRIEVER_ENCODER\) must hold model\.onnx, tokenizer\.json and manifest\.json/,
    ],
    ['a model alone', ['model.onnx'], /models\/mine\/tokenizer\.json is missing/],
  ])('encoder is refused by file when there is %s', async (_name, files, message) => {
    for (const file of files) {
      mkdirSync(join(clone, 'models/mine'), { recursive: true });
      writeFileSync(join(clone, 'models/mine', file), '');
    }
    await expect(step('encoder', { ...process.env, RETRIEVER_ENCODER: 'mine' })).rejects.toThrow(message);
  });
});

describe('the encoder', () => {
  it('is laid down whole, and again when a file is gone', async () => {
    const model = join(clone, '.data/models/minilm-l6-v2-int8/model.onnx');
    const env = { ...process.env, RETRIEVER_ENCODER: '' };
    await step('encoder', env);
    const { size } = statSync(model);
    rmSync(model);
    await step('encoder', env);
    expect(statSync(model).size).toBe(size);
  });

  it('mpnet is exported once, and again when what it follows from changed', async () => {
    const exported = '.data/models/mpnet/manifest.json';
    program(
      join(clone, 'node_modules/.bin/tsx'),
      `mkdir -p $(dirname ${exported}); echo export >>${exported}`,
    );
    const exportsAfter = async () => {
      await step('encoder', { ...process.env, RETRIEVER_ENCODER: 'mpnet' });
      return readFileSync(join(clone, exported), 'utf8').split('export').length - 1;
    };
    expect(await exportsAfter()).toBe(1);
    expect(await exportsAfter()).toBe(1);
    writeFileSync(join(clone, 'scripts/setup/mpnet/requirements.txt'), 'numpy==0');
    expect(await exportsAfter()).toBe(2);
  });

  it("'s predictors are trained where it is not the sample's, once for each corpus and encoder", async () => {
    for (const [file, text] of [
      ['scripts/training/train.py', ''],
      ['.data/corpus/wikipedia-sample.jsonl', 'a chunk'],
      ['models/mine/manifest.json', '{}'],
    ] as const) {
      mkdirSync(join(clone, file, '..'), { recursive: true });
      writeFileSync(join(clone, file), text);
    }
    // The folder is the last argument.
    const stub = 'echo "$5" >>trained; mkdir -p "${@: -1}"; touch "${@: -1}/manifest.json"';
    program(join(clone, 'node_modules/.bin/tsx'), stub);
    const train = (RETRIEVER_ENCODER: string) => step('predictors', { ...process.env, RETRIEVER_ENCODER });
    const trained = () => readFileSync(join(clone, 'trained'), 'utf8');
    await train('');
    await train('mine');
    await train('mine');
    expect(trained()).toBe('mine\n');
    expect(existsSync(join(clone, '.data/predictors/mine/manifest.json'))).toBe(true);
    writeFileSync(join(clone, '.data/corpus/wikipedia-sample.jsonl'), 'another chunk');
    await train('mine');
    expect(trained()).toBe('mine\nmine\n');
  });
});
