import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROOT } from '../../platform/node-command.ts';

const run = promisify(execFile);
const LAUNCHER = 'scripts/retriever.mjs';
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'a package '));
  await mkdir(join(folder, 'scripts'));
  await copyFile(join(ROOT, LAUNCHER), join(folder, LAUNCHER));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
});
afterEach(() => rm(folder, { recursive: true }));

async function file(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

const started = async () => (await run(process.execPath, [join(folder, LAUNCHER), 'x'])).stdout.trim();

describe('scripts/retriever.mjs starts', () => {
  it('the compiled code beside it, as in the image', async () => {
    await file('scripts/cli.js', "console.log('beside', process.argv[2])");
    expect(await started()).toBe('beside x');
  });

  it('the sources of a clone, whatever `npm run build` left there', async () => {
    await file('scripts/cli.ts', "const text: string = 'sources'; console.log(text, process.argv[2])");
    await file('dist/scripts/cli.js', "console.log('package')");
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    expect(await started()).toBe('sources x');
  });

  it('the command of this clone, from another folder and by a link', async () => {
    await symlink(join(ROOT, LAUNCHER), join(folder, 'retriever'));
    const { stdout } = await run(join(folder, 'retriever'), ['rollout', '--help'], { cwd: folder });
    expect(stdout).toContain('usage: retriever rollout COMMAND');
  });
});

describe('a clone without its packages', () => {
  it('ends with 1 and says how to install them', async () => {
    await file('scripts/cli.ts', "console.log('sources')");
    await expect(started()).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^retriever: .*tsx is not installed here; .*bash scripts\/setup\.sh\n$/),
    });
  });
});

describe('package.json', () => {
  const read = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
  const { bin, files }: { bin: Record<string, string>; files: string[] } = read('package.json');

  it('names a command that can be executed', () => {
    expect(bin).toEqual({ retriever: LAUNCHER });
    expect(() => accessSync(join(ROOT, LAUNCHER), constants.X_OK)).not.toThrow();
  });

  it('packs all that the command imports or opens, and no test', () => {
    expect(files).toEqual(
      expect.arrayContaining([...read('tsconfig.build.json').include, 'plans', 'models/sample-predictors']),
    );
    expect(files.filter((name) => !existsSync(join(ROOT, name)) || name.startsWith('test'))).toEqual([]);
  });
});
