import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encoderFolder } from '../../../retrieval/encoder/manifest.ts';
import type { EncoderManifest } from '../../../retrieval/encoder/manifest.ts';
import { openEncoderPool } from '../../../retrieval/encoder/pool.ts';
import { openTextEncoder } from '../../../retrieval/encoder/text-encoder.ts';
import { writeTinyEncoder } from '../../fixtures/tiny-encoder.ts';

const int8 = encoderFolder(fileURLToPath(new URL('../../..', import.meta.url)));
const ITEMS = ['', 'tide', 'A keeper trims the lamp before dusk.', 'word '.repeat(60), 'Tide tables.'].map(
  (text) => ({ text, role: 'passage' as const }),
);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batching-'));
});
afterAll(() => rm(folder, { recursive: true }));

const furthest = (a: Float32Array, b: Float32Array) =>
  Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? NaN))));

describe.each<[string, Partial<EncoderManifest>]>([
  ['token vectors', {}],
  ['finished vectors', { output: 'sentence_embedding', pooling: 'none' }],
])('a fp32 encoder of %s', (name, manifest) => {
  it('gives each text of a padded batch the vector it has alone', async () => {
    const tiny = join(folder, name);
    await writeTinyEncoder(tiny, { manifest });
    const encoder = await openTextEncoder(tiny);
    const together = await encoder.encodeTogether(ITEMS);
    for (const [i, { text, role }] of ITEMS.entries()) {
      const alone = await encoder.encode(text, role);
      expect(furthest(alone, together[i] ?? new Float32Array())).toBeLessThan(1e-5);
    }
    expect(furthest(together[1] ?? new Float32Array(), together[2] ?? new Float32Array())).toBeGreaterThan(
      0.01,
    );
  });
});

it('both families of a graph give the same direction only where pooling respects the mask', async () => {
  await writeTinyEncoder(join(folder, 'mean'));
  await writeTinyEncoder(join(folder, 'finished'), {
    manifest: { output: 'sentence_embedding', pooling: 'none' },
  });
  const mean = await openTextEncoder(join(folder, 'mean'));
  const finished = await openTextEncoder(join(folder, 'finished'));
  const [a, b] = [await mean.encodeTogether(ITEMS), await finished.encodeTogether(ITEMS)];
  for (const [i, vector] of a.entries()) {
    expect(furthest(vector, b[i] ?? new Float32Array())).toBeLessThan(1e-5);
  }
});

it('[L2.2] a pool that batches gives under load what texts have alone, within 1e-5', async () => {
  const tiny = join(folder, 'load');
  await writeTinyEncoder(tiny);
  const alone = await openTextEncoder(tiny);
  const pool = await openEncoderPool(tiny, 2);
  const texts = Array.from({ length: 60 }, (_, i) => 'tides and lamps '.repeat(1 + (i % 13)) + i);
  const vectors = await pool.encodeBatch(texts, 'query');
  for (const [i, text] of texts.entries()) {
    expect(furthest(await alone.encode(text, 'query'), vectors[i] ?? new Float32Array()), text).toBeLessThan(
      1e-5,
    );
  }
  await pool.close();
});

describe('a dynamically quantised encoder', () => {
  it('is refused where its manifest allows batches', async () => {
    const copy = join(folder, 'int8');
    await cp(int8, copy, { recursive: true });
    const manifest = JSON.parse(await readFile(join(copy, 'manifest.json'), 'utf8'));
    await writeFile(join(copy, 'manifest.json'), JSON.stringify({ ...manifest, batching: true }));
    await expect(openEncoderPool(copy, 1)).rejects.toThrow(/batching must be false.*dynamic quantisation/);
  });

  it('never batches: under load, its vectors are those of single texts bit by bit', async () => {
    const alone = await openTextEncoder(int8);
    const pool = await openEncoderPool(int8, 1);
    const texts = ['tides', 'lamps', 'clocks', 'ships'].flatMap((word) => [word, `${word} at night`]);
    const vectors = await pool.encodeBatch(texts, 'passage');
    for (const [i, text] of texts.entries()) {
      expect(vectors[i], text).toEqual(await alone.encode(text, 'passage'));
    }
    await pool.close();
  });
});
