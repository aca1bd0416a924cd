import type { Stats } from 'node:fs';
import { chmod, link, mkdtemp, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { buildRelease } from '../../../retrieval/build/release-builder.ts';
import { ownFiles } from '../../../retrieval/release/own-files.ts';
import { verifyRelease } from '../../../retrieval/release/verify.ts';
import { copyRelease, smallBuild, smallRelease } from '../../fixtures/releases.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'own-files-'));
});
afterEach(async () => rm(folder, { recursive: true }));

const namesWhere = async (dir: string, is: (file: Stats) => boolean) => {
  const names = await readdir(dir);
  const found = await Promise.all(names.map(async (name) => is(await stat(join(dir, name)))));
  return names.filter((_, i) => found[i]);
};
const shared = async (dir: string) => namesWhere(dir, ({ nlink }) => nlink > 1);
const writable = async (dir: string) => namesWhere(dir, ({ mode }) => (mode & 0o222) !== 0);

it('releases of one corpus share no file: what is written into one in place does not reach the other', async () => {
  const [one, two] = [
    await buildRelease(smallBuild(folder, 'one')),
    await buildRelease(smallBuild(folder, 'two')),
  ];
  for (const { dir } of [one, two]) {
    expect(await shared(dir)).toEqual([]);
    expect(await writable(dir)).toEqual([]);
  }
  const before = await readFile(join(two.dir, 'p_ivf.faiss'));
  expect(await readFile(join(one.dir, 'p_ivf.faiss'))).toEqual(before);
  // Who forces it damages that release alone.
  await chmod(join(one.dir, 'p_ivf.faiss'), 0o644);
  const handle = await open(join(one.dir, 'p_ivf.faiss'), 'r+');
  await handle.write(Buffer.alloc(64), 0, 64, before.length - 64);
  await handle.close();
  expect((await verifyRelease(one.dir)).ok).toBe(false);
  expect(await readFile(join(two.dir, 'p_ivf.faiss'))).toEqual(before);
  expect((await verifyRelease(two.dir)).problems).toEqual([]);
  // A read-only release goes like any other folder.
  await rm(one.dir, { recursive: true });
  expect((await buildRelease(smallBuild(folder, 'one'))).kind).toBe('built');
});

it('a release that shares files with another gets its own, whatever was left half-done', async () => {
  const dir = await copyRelease(await smallRelease('v0'), folder);
  await link(join(dir, 'p_ivf.faiss'), join(folder, 'elsewhere'));
  await link(join(dir, 'p_ivf.faiss'), join(dir, 'p_ivf.faiss.owned'));
  await ownFiles(dir);
  expect(await shared(dir)).toEqual([]);
  expect(await writable(dir)).toEqual([]);
  expect((await stat(join(folder, 'elsewhere'))).nlink).toBe(1);
  expect((await verifyRelease(dir)).problems).toEqual([]);
});
