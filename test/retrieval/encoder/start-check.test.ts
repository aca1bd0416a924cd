import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EncoderError } from '../../../retrieval/encoder/errors.ts';
import type { EncoderManifest } from '../../../retrieval/encoder/manifest.ts';
import { readEncoderManifest, verifyEncoderFiles } from '../../../retrieval/encoder/manifest.ts';
import { openEncoderPool } from '../../../retrieval/encoder/pool.ts';
import { openTextEncoder } from '../../../retrieval/encoder/text-encoder.ts';
import { formatSafetensors, TINY_DIM, withHeader, writeTinyEncoder } from '../../fixtures/tiny-encoder.ts';

const TEXT = 'This is a test document.';
let root: string;
let folder: string;
let number = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'start-check-'));
});
afterAll(() => rm(root, { recursive: true }));

async function tiny(manifest: Partial<EncoderManifest> = {}, dense?: Uint8Array): Promise<string> {
  folder = join(root, String(number++));
  await writeTinyEncoder(folder, { manifest, ...(dense ? { dense } : {}) });
  return folder;
}

const square = (valueAt: (row: number, column: number) => number) => ({
  shape: [TINY_DIM, TINY_DIM],
  data: Array.from({ length: TINY_DIM ** 2 }, (_, i) => valueAt(Math.floor(i / TINY_DIM), i % TINY_DIM)),
});
const zero = formatSafetensors({ 'linear.weight': square(() => 0) });

describe('an encoder starts', () => {
  it('where its golden vector is the measured one', async () => {
    const vector = await (await openTextEncoder(await tiny())).encode(TEXT, 'passage');
    const golden = { text: TEXT, values: [...vector.subarray(0, 3)], tolerance: 1e-4 };
    const pool = await openEncoderPool(await tiny({ golden }), 1);
    expect(await pool.encode(TEXT, 'passage')).toEqual(vector);
    expect(pool.stats()).toEqual({ hits: 0, misses: 1, queued: 0 });
    await pool.close();
  });

  it.each<[string, Partial<EncoderManifest>, RegExp]>([
    ['the dimension', { dim: 16 }, /model\.onnx gives 8 dimensions, its manifest\.json 16/],
    ['the norm', { normalize: false }, /have norm 0\.\d+, not 1; normalize may have to be true/],
    [
      'the golden vector',
      { golden: { text: TEXT, values: [0.9, 0.9, 0.9], tolerance: 0.01 } },
      /golden text begins \[.*\], its manifest\.json says \[0\.9, 0\.9, 0\.9\] within 0\.01/,
    ],
    [
      'the length of the golden vector',
      { golden: { text: TEXT, values: Array.from({ length: 9 }, () => 0), tolerance: 2 } },
      /golden text begins/,
    ],
  ])('not where its manifest has another: %s', async (_name, manifest, message) => {
    const opened = openEncoderPool(await tiny(manifest), 1);
    await expect(opened).rejects.toThrow(message);
    await expect(opened).rejects.toThrow(EncoderError);
    await expect(opened).rejects.toThrow(folder);
  });

  it('[P3.1, R3.2] not where a vector is zero', async () => {
    await expect(openEncoderPool(await tiny({}, zero), 1)).rejects.toThrow(/have norm 0\.000, not 1/);
  });

  it('not where a file is missing or another', async () => {
    const broken = await tiny();
    const manifest = await readEncoderManifest(broken);
    await rm(join(broken, 'tokenizer.json'));
    await expect(verifyEncoderFiles(broken, manifest)).rejects.toThrow(/tokenizer\.json is missing/);
    await writeFile(join(broken, 'tokenizer.json'), '{}');
    await expect(verifyEncoderFiles(broken, manifest)).rejects.toThrow(/tokenizer\.json is not the file/);
  });
});

describe('a dense layer', () => {
  it('is applied after the mean and before the norm: y = W x', async () => {
    const plain = await (await openTextEncoder(await tiny())).encode(TEXT, 'passage');
    // y0 = 2 x1, y1 = x0, the rest as it is.
    const swap = square((row, column) => {
      if (row === 0) return column === 1 ? 2 : 0;
      return row === 1 ? Number(column === 0) : Number(row === column);
    });
    const dense = formatSafetensors({ 'linear.weight': swap });
    const vector = await (await openTextEncoder(await tiny({}, dense))).encode(TEXT, 'passage');
    const [x0 = 0, x1 = 0, ...rest] = plain;
    const unnormed = [2 * x1, x0, ...rest];
    const norm = Math.hypot(...unnormed);
    for (const [i, value] of unnormed.entries()) expect(vector[i]).toBeCloseTo(value / norm, 5);
  });

  it('is among the files whose checksums are compared', async () => {
    const changed = await tiny({}, formatSafetensors({ 'linear.weight': square(() => 1) }));
    const manifest = await readEncoderManifest(changed);
    await writeFile(join(changed, '2_Dense/model.safetensors'), zero);
    await expect(verifyEncoderFiles(changed, manifest)).rejects.toThrow(/2_Dense\/model\.safetensors is not/);
  });

  it.each<[string, Uint8Array, RegExp]>([
    [
      'a bias',
      formatSafetensors({
        'linear.weight': square(() => 1),
        'linear.bias': { shape: [TINY_DIM], data: Array.from({ length: TINY_DIM }, () => 1) },
      }),
      /holds linear\.weight, linear\.bias, not linear\.weight alone/,
    ],
    ['another name', formatSafetensors({ weight: square(() => 1) }), /holds weight, not linear\.weight/],
    [
      'another shape',
      formatSafetensors({
        'linear.weight': { shape: [2, TINY_DIM], data: Array.from({ length: 16 }, () => 1) },
      }),
      /shape \[2,8\], not \[8,8\]/,
    ],
    ['nothing in its file', new Uint8Array(3), /3 bytes are no safetensors file/],
    ['half a header', withHeader('{"linear', new Uint8Array()).subarray(0, 12), /longer than the file/],
    ['a header that is not JSON', withHeader('{"linear', new Uint8Array()), /header is not JSON/],
    [
      'a tensor without a shape',
      withHeader('{"linear.weight":{}}', new Uint8Array()),
      /not described by dtype/,
    ],
  ])('is refused with %s', async (_name, dense, message) => {
    const opened = openTextEncoder(await tiny({}, dense));
    await expect(opened).rejects.toThrow(message);
    await expect(opened).rejects.toThrow('2_Dense/model.safetensors');
  });
});
