import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROOT } from '../../devstack/process.ts';

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

  it('the sources of a clone, whatever was compiled there', async () => {
    await file('scripts/cli.ts', "const text: string = 'sources'; console.log(text, process.argv[2])");
    await file('dist/scripts/cli.js', "console.log('package')");
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    expect(await started()).toBe('sources x');
  });

  it.each([
    ['without sources', false],
    ['without tsx', true],
  ])('the compiled code of a package %s', async (_, sources) => {
    if (sources) await file('scripts/cli.ts', "console.log('sources')");
    await file('dist/scripts/cli.js', "console.log('package', process.argv[2])");
    expect(await started()).toBe('package x');
  });

  it('the command of this clone, from another folder and by a link', async () => {
    await symlink(join(ROOT, LAUNCHER), join(folder, 'retriever'));
    const { stdout } = await run(join(folder, 'retriever'), ['rollout', '--help'], { cwd: folder });
    expect(stdout).toContain('usage: retriever rollout COMMAND');
  });
});
