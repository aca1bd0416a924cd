import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeCorpus } from '../../../retrieval/encoder/corpus-vectors.ts';
import type { EncoderManifest } from '../../../retrieval/encoder/manifest.ts';
import { encoderFolder, readEncoderManifest } from '../../../retrieval/encoder/manifest.ts';
import type { EncoderPool } from '../../../retrieval/encoder/pool.ts';
import { openEncoderPool } from '../../../retrieval/encoder/pool.ts';
import { openTextEncoder } from '../../../retrieval/encoder/text-encoder.ts';

const encoder = encoderFolder(fileURLToPath(new URL('../../..', import.meta.url)));
const TEXTS = [
  'Tide tables.',
  'A keeper trims the lamp before dusk, then winds the clock.',
  'word '.repeat(400),
  'Tide tables.',
];

let folder: string;
let manifest: EncoderManifest;
let pool: EncoderPool;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encoder-'));
  manifest = await readEncoderManifest(encoder);
  pool = await openEncoderPool(encoder, 2);
});
afterAll(async () => {
  await pool.close();
  await rm(folder, { recursive: true });
});

/** The encoder with other fields in its manifest. */
async function encoderWith(name: string, change: Partial<EncoderManifest>): Promise<string> {
  const copy = join(folder, name);
  await cp(encoder, copy, { recursive: true });
  await writeFile(join(copy, 'manifest.json'), JSON.stringify({ ...manifest, ...change }));
  return copy;
}

const cosine = (a: Float32Array, b: Float32Array) =>
  a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

describe('the encoder', () => {
  it('[P3.1] gives the vector that its manifest knows, of unit norm', async () => {
    const { text = '', values = [], tolerance = 0 } = manifest.golden ?? {};
    const vector = await pool.encode(text, 'passage');
    expect(vector).toHaveLength(manifest.dim);
    for (const [i, value] of values.entries()) {
      expect(Math.abs((vector[i] ?? NaN) - value)).toBeLessThan(tolerance);
    }
    expect(Math.abs(Math.sqrt(cosine(vector, vector)) - 1)).toBeLessThan(1e-6);
  });

  it('gives a text the same vector, bit by bit, alone and beside others, in any thread', async () => {
    const alone = await openTextEncoder(encoder);
    const beside = await Promise.all(
      [...TEXTS, ...TEXTS.toReversed()].map((text) => pool.encode(text, 'passage')),
    );
    for (const [i, text] of [...TEXTS, ...TEXTS.toReversed()].entries()) {
      expect(beside[i]).toEqual(await alone.encode(text, 'passage'));
    }
  });

  it('knows what words mean', async () => {
    const [query, near, far] = await Promise.all(
      [
        'How do ships find the harbour at night?',
        'The lighthouse beam guides boats home.',
        'Knead the dough twice.',
      ].map((text) => pool.encode(text, 'passage')),
    );
    if (!query || !near || !far) throw new Error('three texts give three vectors');
    expect(cosine(query, near)).toBeGreaterThan(cosine(query, far) + 0.2);
  });

  it('cuts a text at the limit of tokens, keeping the closing token', async () => {
    const short = await openTextEncoder(await encoderWith('short', { maxTokens: 8 }));
    const vector = await short.encode('word '.repeat(400), 'passage');
    expect(vector).toEqual(await short.encode('word '.repeat(6), 'passage'));
    expect(vector).not.toEqual(await short.encode('word '.repeat(5), 'passage'));
  });

  it('puts the prefixes before queries and passages', async () => {
    const prefixed = await openTextEncoder(await encoderWith('prefixed', { queryPrefix: 'query: ' }));
    expect(await prefixed.encode('tides', 'query')).toEqual(await pool.encode('query: tides', 'passage'));
    expect(await prefixed.encode('tides', 'passage')).toEqual(await pool.encode('tides', 'passage'));
  });
});

describe('the vectors of a corpus', () => {
  it('are those of the single texts, in the order of the corpus, and come from the cache the second time', async () => {
    const cacheDir = join(folder, 'cache');
    const seen: number[] = [];
    const onProgress = (done: number) => seen.push(done);
    const first = await encodeCorpus(encoder, manifest, TEXTS, { threads: 2, cacheDir, onProgress });
    expect(seen).toEqual([1, 2, 3, 4]);
    for (const [row, text] of TEXTS.entries()) {
      const vector = first.vectors.slice(row * manifest.dim, (row + 1) * manifest.dim);
      expect(vector).toEqual(await pool.encode(text, 'passage'));
    }
    const second = await encodeCorpus(encoder, manifest, TEXTS, { threads: 2, cacheDir });
    expect(second).toEqual({ vectors: first.vectors, cached: true });
  });

  it('are computed again where the cache is damaged or the encoder another', async () => {
    const cacheDir = join(folder, 'damaged');
    const options = { threads: 1, cacheDir };
    const { vectors } = await encodeCorpus(encoder, manifest, TEXTS, options);
    const [file = ''] = await readdir(join(cacheDir, 'vectors'));
    const path = join(cacheDir, 'vectors', file);
    await writeFile(path, (await readFile(path)).subarray(0, 500));
    expect(await encodeCorpus(encoder, manifest, TEXTS, options)).toEqual({ vectors, cached: false });
    const other = { ...manifest, version: '2' };
    expect((await encodeCorpus(encoder, other, TEXTS, options)).cached).toBe(false);
  });
});
