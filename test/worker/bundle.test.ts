import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { workflowBundle } from '../../worker/bundle.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bundle-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('a bundle is kept by what goes in: read again while that is the same, and the one before goes', async () => {
  await writeFile(join(folder, 'workflow-bundle-0123456789abcdef.js'), 'of before');
  const { code } = await workflowBundle(folder);
  expect(code.length).toBeGreaterThan(100_000);
  const [name, ...others] = await readdir(folder);
  expect(others).toEqual([]);
  await writeFile(join(folder, name ?? ''), 'kept');
  expect(await workflowBundle(folder)).toEqual({ code: 'kept' });
});

it('a folder that takes nothing costs time alone', async () => {
  const file = join(folder, 'no-folder');
  await writeFile(file, '');
  expect((await workflowBundle(file)).code.length).toBeGreaterThan(100_000);
});
