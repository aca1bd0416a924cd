import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeCommand } from '../../devstack/process.ts';
import { ROOT } from '../../platform/node-command.ts';
import { pythonPackages } from '../../scripts/setup/python-packages.ts';
import { smallRelease } from '../fixtures/releases.ts';

const run = promisify(execFile);
/** Writes the rows of a FLAT index as numpy files. */
const EXPORT = `
import sys, faiss, numpy as np
index, out = faiss.read_index(sys.argv[1]), sys.argv[2]
rows = index.reconstruct_n(0, index.ntotal)
np.save(out + "/rows.npy", rows)
np.savez(out + "/rows.npz", vectors=rows)
np.savez_compressed(out + "/two.npz", vectors=rows, other=rows[:3])
np.save(out + "/long.npy", rows * np.float32(1.01))
`;

let work: string;
let truth: string;
beforeAll(async () => {
  const packages = await pythonPackages(
    join(ROOT, 'test/independent/requirements.txt'),
    join(ROOT, '.data/test'),
  );
  work = await mkdtemp(join(tmpdir(), 'flat-truth-'));
  truth = join(await smallRelease('small'), 'p_flat_ip.faiss');
  const env = { ...process.env, PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: '1' };
  await run('python3', ['-c', EXPORT, truth, work], { env });
}, 300_000);
afterAll(() => rm(work, { recursive: true }));

function rebuild(corpus: string, ...args: readonly string[]) {
  const out = join(work, 'out.faiss');
  const tool = nodeCommand('scripts/cli', 'index', 'build-truth', '--out', out);
  const [node, ...words] = [...tool, '--corpus', join(work, corpus), ...args];
  return run(node, words, { cwd: ROOT });
}

describe('[W1] index build-truth', () => {
  it.each([
    ['a .npy', 'rows.npy', []],
    ['a .npz', 'rows.npz', []],
    ['a compressed .npz with two arrays', 'two.npz', ['--array', 'vectors']],
  ])("makes of numpy's %s the bytes that FAISS itself wrote", async (_, corpus, args) => {
    await rm(join(work, 'out.faiss'), { force: true });
    expect((await rebuild(corpus, ...args)).stdout).toContain('196 rows of 384 dimensions');
    expect((await readFile(join(work, 'out.faiss'))).equals(await readFile(truth))).toBe(true);
  });

  it.each([
    ['vectors that are not of unit norm', 'long.npy', 1, /196 of 196 vectors are not of unit norm/],
    ['a .npz with two arrays and no name', 'two.npz', 1, /holds vectors\.npy, other\.npy; one array/],
    ['a file that is cut off', 'cut.npz', 1, /is cut off/],
    ['another kind of file', 'corpus.txt', 2, /neither \.npy nor \.npz/],
  ])('refuses %s', async (_, corpus, code, words) => {
    await writeFile(join(work, 'cut.npz'), (await readFile(join(work, 'rows.npz'))).subarray(0, 10_000));
    await writeFile(join(work, 'corpus.txt'), 'text');
    await expect(rebuild(corpus)).rejects.toMatchObject({ code, stderr: expect.stringMatching(words) });
  });
});
