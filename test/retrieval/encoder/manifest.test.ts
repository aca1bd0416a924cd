import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  DEFAULT_ENCODER,
  encoderFolder,
  readEncoderManifest,
  verifyEncoderFiles,
} from '../../../retrieval/encoder/manifest.ts';

const ROOT = new URL('../../..', import.meta.url).pathname;
const SAMPLE: Record<string, unknown> = JSON.parse(
  readFileSync(join(ROOT, `scripts/setup/${DEFAULT_ENCODER}.json`), 'utf8'),
);

let root: string;
let folder: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'encoder-'));
  folder = join(root, 'models', 'mine');
  mkdirSync(folder, { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

const write = (manifest: unknown) => writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));

describe('the encoder manifest', () => {
  it('of the sample is valid, and set-up brought exactly its files', async () => {
    const sample = encoderFolder(ROOT);
    const manifest = await readEncoderManifest(sample);
    expect(manifest).toEqual(SAMPLE);
    await expect(verifyEncoderFiles(sample, manifest)).resolves.toBeUndefined();
  });

  it('takes the dimension from the file', async () => {
    write({ ...SAMPLE, dim: 768, output: 'sentence_embedding', pooling: 'none' });
    expect(await readEncoderManifest(folder)).toMatchObject({ dim: 768 });
  });

  it.each([
    ['no dimension', { dim: undefined }, /dim/],
    ['a dimension of zero', { dim: 0 }, /dim/],
    ['an unknown pooling', { pooling: 'max' }, /pooling/],
    ['pooling of a finished vector', { output: 'sentence_embedding' }, /pooling/],
    [
      'a dense layer after a finished vector',
      { output: 'sentence_embedding', pooling: 'none', dense: '2_Dense/model.safetensors' },
      /dense: is part of/,
    ],
    ['a dense layer without a hash', { dense: '2_Dense/model.safetensors' }, /files: lacks the sha256/],
    ['a dense layer elsewhere', { dense: '../dense.safetensors' }, /dense/],
    ['batching that is neither true nor false', { batching: 'yes' }, /batching/],
    ['a field nobody knows', { dims: 384 }, /dims/],
    ['no hash of the model', { files: { 'tokenizer.json': 'ab'.repeat(32) } }, /model\.onnx/],
    ['a hash that is none', { files: { 'model.onnx': 'x', 'tokenizer.json': 'y' } }, /sha256/],
  ])('is refused by file and field: %s', async (_name, change, field) => {
    write({ ...SAMPLE, ...change });
    await expect(readEncoderManifest(folder)).rejects.toThrow(field);
    await expect(readEncoderManifest(folder)).rejects.toThrow('manifest.json');
  });

  it('is refused by file when it is not JSON', async () => {
    writeFileSync(join(folder, 'manifest.json'), '{');
    await expect(readEncoderManifest(folder)).rejects.toThrow(/manifest\.json is not JSON/);
  });
});

describe('the files of an encoder', () => {
  it("are looked for in the user's models first", () => {
    write(SAMPLE);
    expect(encoderFolder(root, 'mine')).toBe(folder);
    expect(() => encoderFolder(root, 'other')).toThrow(/models\/other\/manifest\.json is missing/);
  });

  it('are refused by name when one differs from its hash', async () => {
    write(SAMPLE);
    writeFileSync(join(folder, 'model.onnx'), 'another model');
    const manifest = await readEncoderManifest(folder);
    await expect(verifyEncoderFiles(folder, manifest)).rejects.toThrow(/model\.onnx is not the file/);
  });
});
