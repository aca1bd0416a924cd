import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sha256Of } from '../../../retrieval/release/checksums.ts';
import { shareFiles } from '../../../retrieval/release/share.ts';
import { verifyRelease } from '../../../retrieval/release/verify.ts';
import { copyRelease, smallRelease } from '../../fixtures/releases.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'share-'));
});
afterEach(async () => rm(folder, { recursive: true }));

const inode = async (...path: readonly string[]) => (await stat(join(folder, ...path))).ino;

it('gives releases of one corpus one copy of the large files, and leaves both as they were', async () => {
  const dir = await smallRelease('v0');
  await copyRelease(dir, folder);
  await cp(dir, join(folder, 'twin'), { recursive: true });
  await writeFile(join(folder, 'not-a-release'), '');
  expect(await shareFiles(join(folder, 'twin'), folder)).toContain('p_ivf.faiss');
  expect(await inode('v0', 'p_ivf.faiss')).toBe(await inode('twin', 'p_ivf.faiss'));
  expect(await inode('v0', 'VERSION')).not.toBe(await inode('twin', 'VERSION'));
  expect((await verifyRelease(join(folder, 'twin'))).problems).toEqual([]);
  expect(await shareFiles(join(folder, 'twin'), folder)).toEqual([]);
});

it('shares nothing that only has the same name', async () => {
  const large = (text: string) => text.repeat(2 ** 20);
  for (const [name, text] of [
    ['a', 'x'],
    ['b', 'y'],
  ] as const) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'p_ivf.faiss'), large(text));
    const hash = await sha256Of(join(folder, name, 'p_ivf.faiss'));
    await writeFile(join(folder, name, 'checksums.txt'), `${hash}  p_ivf.faiss\n`);
  }
  expect(await shareFiles(join(folder, 'b'), folder)).toEqual([]);
  expect(await readFile(join(folder, 'b', 'p_ivf.faiss'), 'utf8')).toBe(large('y'));
});
