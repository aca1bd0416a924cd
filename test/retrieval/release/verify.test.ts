import { mkdtemp, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPipeline } from '../../../retrieval/pipeline.ts';
import { formatChecksums, readChecksums, sha256Of } from '../../../retrieval/release/checksums.ts';
import { readManifest } from '../../../retrieval/release/manifest.ts';
import { verifyRelease } from '../../../retrieval/release/verify.ts';
import { copyRelease, smallRelease } from '../../fixtures/releases.ts';

let folder: string;
let good: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verify-release-'));
  good = await smallRelease('small');
});
afterAll(() => rm(folder, { recursive: true }));

/** Brings manifest.json and checksums.txt in line with a file that was changed on purpose. */
async function seal(dir: string, file: string, change: Record<string, unknown> = {}): Promise<void> {
  const manifest = { ...(await readManifest(dir)), ...change };
  const hash = await sha256Of(join(dir, file));
  await writeFile(
    join(dir, 'manifest.json'),
    JSON.stringify({ ...manifest, files: { ...manifest.files, [file]: hash } }),
  );
  const sums = {
    ...(await readChecksums(dir)),
    [file]: hash,
    'manifest.json': await sha256Of(join(dir, 'manifest.json')),
  };
  await writeFile(join(dir, 'checksums.txt'), formatChecksums(sums));
}

const replace = async (file: string, from: string | RegExp, to: string) =>
  writeFile(file, (await readFile(file, 'utf8')).replace(from, to));

describe('a release is accepted', () => {
  it('as it was built', async () => {
    const { ok, problems, manifest } = await verifyRelease(good);
    expect({ ok, problems }).toEqual({ ok: true, problems: [] });
    expect(manifest?.version).toBe('small');
  });
});

describe('a release is refused, with the file named', () => {
  it.each<[string, (dir: string) => Promise<void>, string, RegExp]>([
    [
      '[P1.1] without its serving index',
      (dir) => unlink(join(dir, 'p_ivf.faiss')),
      'p_ivf.faiss',
      /is missing/,
    ],
    ['without a manifest', (dir) => unlink(join(dir, 'manifest.json')), 'manifest.json', /is missing/],
    ['without checksums', (dir) => unlink(join(dir, 'checksums.txt')), 'checksums.txt', /is missing/],
    [
      'with a file cut short',
      (dir) => truncate(join(dir, 'corpus.jsonl'), 100),
      'corpus.jsonl',
      /has sha256/,
    ],
    [
      'with one byte changed',
      (dir) => replace(join(dir, 'GRU_v0.md'), 'GRU', 'GRV'),
      'GRU_v0.md',
      /has sha256/,
    ],
    [
      'with a manifest that is not the sealed one',
      (dir) => replace(join(dir, 'manifest.json'), '"seed": 1', '"seed": 2'),
      'manifest.json',
      /not the one that checksums\.txt lists/,
    ],
    [
      'with a manifest that lacks a field',
      (dir) => replace(join(dir, 'manifest.json'), '"tau"', '"Tau"'),
      'manifest.json',
      /tau: /,
    ],
    [
      'with an index of another dimension than its manifest says',
      (dir) => seal(dir, 'VERSION', { dimension: 768 }),
      'p_ivf.faiss',
      /has dimension 384, manifest\.json says 768/,
    ],
    [
      'with a corpus map of another length',
      async (dir) => {
        await replace(join(dir, 'corpus.jsonl'), /^.*\n/, '');
        await seal(dir, 'corpus.jsonl');
      },
      'corpus.jsonl',
      /has 195 lines, manifest\.json says 196 rows/,
    ],
    [
      'with a model that does not load',
      async (dir) => {
        await writeFile(join(dir, 'amn_v0.onnx'), 'no model');
        await seal(dir, 'amn_v0.onnx');
      },
      'amn_v0.onnx',
      /./,
    ],
    [
      'with metrics of another release',
      async (dir) => {
        await replace(join(dir, 'metrics.json'), '"release": "small"', '"release": "other"');
        await seal(dir, 'metrics.json');
      },
      'metrics.json',
      /is of release other, manifest\.json of small/,
    ],
    [
      'with a probe that is not JSON',
      async (dir) => {
        await replace(join(dir, 'probes.jsonl'), /^\{/, '');
        await seal(dir, 'probes.jsonl');
      },
      'probes.jsonl',
      /line 1: is not JSON/,
    ],
  ])('%s', async (_, damage, file, reason) => {
    const into = await mkdtemp(join(folder, 'damaged-'));
    const dir = await copyRelease(good, into);
    await damage(dir);
    const { ok, problems } = await verifyRelease(dir);
    expect(ok).toBe(false);
    expect(problems).toContainEqual({ file, reason: expect.stringMatching(reason) });
    await rm(into, { recursive: true });
  });

  it('with several problems, each of them', async () => {
    const dir = await copyRelease(good, await mkdtemp(join(folder, 'damaged-')));
    await unlink(join(dir, 'p_flat_ip.faiss'));
    await truncate(join(dir, 'VERSION'), 0);
    const { problems } = await verifyRelease(dir);
    expect(problems.map(({ file }) => file)).toEqual(['p_flat_ip.faiss', 'VERSION']);
  });
});

describe('a lane does not start', () => {
  it('[R3.1] on vectors that are not normalised', async () => {
    const dir = await smallRelease('norms', 'bad-norms');
    await expect(openPipeline(dir, { verify: true })).rejects.toMatchObject({
      name: 'ReleaseError',
      file: 'p_ivf.faiss',
      reason: expect.stringMatching(/not of unit norm/),
    });
  });

  it('on a wrong checksum', async () => {
    const dir = await copyRelease(good, await mkdtemp(join(folder, 'damaged-')));
    await truncate(join(dir, 'reranker.onnx'), 10);
    await expect(openPipeline(dir, { verify: true })).rejects.toMatchObject({ file: 'reranker.onnx' });
  });
});
