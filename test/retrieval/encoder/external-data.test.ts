import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildRelease } from '../../../retrieval/build/release-builder.ts';
import { cachedVectorsFile } from '../../../retrieval/encoder/corpus-vectors.ts';
import type { EncoderManifest } from '../../../retrieval/encoder/manifest.ts';
import {
  encoderIdentity,
  readEncoderManifest,
  verifyEncoderFiles,
} from '../../../retrieval/encoder/manifest.ts';
import { openTextEncoder } from '../../../retrieval/encoder/text-encoder.ts';
import { openPredictor } from '../../../retrieval/predictor/predictor.ts';
import { sha256Of } from '../../../retrieval/release/checksums.ts';
import { withExternalData, withFixedAxis } from '../../fixtures/external-data.ts';
import { PREDICTORS, smallBuild } from '../../fixtures/releases.ts';
import { writeTinyEncoder } from '../../fixtures/tiny-encoder.ts';

let root: string;
let number = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'external-data-'));
});
afterAll(() => rm(root, { recursive: true }));

const place = () => join(root, String(number++));

/** A manifest that lists these files as they are now, with other fields where given. */
async function list(folder: string, names: readonly string[], other: Partial<EncoderManifest> = {}) {
  const files = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await sha256Of(join(folder, name))] as const)),
  );
  const manifest = { ...JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')), files, ...other };
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  return readEncoderManifest(folder);
}

const GRAPH = ['model.onnx', 'tokenizer.json'];

async function tiny(location?: string): Promise<string> {
  const folder = place();
  await writeTinyEncoder(folder);
  if (location !== undefined) await withExternalData(folder, 'model.onnx', location);
  return folder;
}

describe('an encoder with weights in another file', () => {
  it.each(['model.onnx_data', 'model.onnx.data', 'weights'])(
    'gives the vectors of its one file, and %s is part of its identity and of the cache',
    async (location) => {
      const [whole, folder] = [await tiny(), await tiny(location)];
      const manifest = await list(folder, [...GRAPH, location]);
      await verifyEncoderFiles(folder, manifest);
      const vector = async (from: string) => (await openTextEncoder(from)).encode('lighthouse', 'passage');
      expect(await vector(folder)).toEqual(await vector(whole));

      const weights = await readFile(join(folder, location));
      await writeFile(
        join(folder, location),
        weights.map((byte, i) => (i % 4 === 0 ? byte ^ 1 : byte)),
      );
      await expect(verifyEncoderFiles(folder, manifest)).rejects.toThrow(`${location} is not the file`);
      const other = await list(folder, [...GRAPH, location]);
      expect(encoderIdentity(other).sha256).not.toBe(encoderIdentity(manifest).sha256);
      expect(cachedVectorsFile('', other, ['a'])).not.toBe(cachedVectorsFile('', manifest, ['a']));
    },
  );

  it.each<[string, string, (folder: string) => Promise<unknown>, RegExp]>([
    [
      'is not listed',
      'model.onnx_data',
      async () => {},
      /"model\.onnx_data", whose sha256 manifest\.json does not/,
    ],
    [
      'is missing',
      'model.onnx_data',
      async (folder) => rm(join(folder, 'model.onnx_data')),
      /_data", which is missing/,
    ],
    ['lies outside', '../weights', async () => {}, /"\.\.\/weights", which is outside its folder/],
    ['lies further outside', 'a/../../weights', async () => {}, /which is outside its folder/],
  ])('is refused where that file %s, with how to export it', async (_name, location, change, message) => {
    const folder = place();
    await writeTinyEncoder(folder);
    await withExternalData(folder, 'model.onnx', location).catch((error: NodeJS.ErrnoException) => {
      // Only the graph names a folder that is not there.
      if (error.code !== 'ENOENT') throw error;
    });
    await change(folder);
    const verified = verifyEncoderFiles(folder, await list(folder, GRAPH));
    await expect(verified).rejects.toThrow(message);
    await expect(verified).rejects.toThrow('save_as_external_data=False');
  });

  it('is refused where the graph or the manifest names an absolute path', async () => {
    const folder = place();
    await writeTinyEncoder(folder);
    await withExternalData(folder, 'model.onnx', '/nowhere/weights').catch(() => {});
    await expect(verifyEncoderFiles(folder, await list(folder, GRAPH))).rejects.toThrow('outside its folder');
    const plain = await tiny();
    const manifest = await readEncoderManifest(plain);
    const files = { ...manifest.files, '../x': '0'.repeat(64) };
    await expect(verifyEncoderFiles(plain, { ...manifest, files })).rejects.toThrow(
      'names ../x, which is outside',
    );
  });
});

describe('the identity of an encoder', () => {
  it.each<[string, Partial<EncoderManifest>]>([
    ['the prefix of queries', { queryPrefix: 'query: ' }],
    ['the prefix of passages', { passagePrefix: 'passage: ' }],
    ['the length of texts', { maxTokens: 64 }],
    ['normalisation', { normalize: false }],
    ['pooling', { output: 'sentence_embedding', pooling: 'none' }],
  ])('changes with %s', async (_name, other) => {
    const folder = await tiny();
    const before = encoderIdentity(await readEncoderManifest(folder));
    expect(encoderIdentity(await list(folder, GRAPH, other))).not.toEqual(before);
  });
});

describe('a graph with a fixed axis', () => {
  it.each([
    [
      'texts',
      0,
      4,
      /model\.onnx takes 4 texts at once only \(input input_ids\); export it with dynamic axes/,
    ],
    ['texts, one, beside batching', 0, 1, /takes 1 texts at once only/],
    ['tokens', 1, 128, /takes texts of 128 tokens only/],
  ])('of %s is no encoder', async (_name, axis, size, message) => {
    const folder = await tiny();
    await withFixedAxis(join(folder, 'model.onnx'), axis, size);
    await expect(verifyEncoderFiles(folder, await list(folder, GRAPH))).rejects.toThrow(message);
  });

  it('of four contexts is no predictor; of one it is', async () => {
    const folder = place();
    await cp(PREDICTORS, folder, { recursive: true });
    const file = join(folder, 'amn_v0.onnx');
    await withFixedAxis(file, 0, 1);
    await (await openPredictor(file)).close();
    await withFixedAxis(file, 0, 4);
    await expect(openPredictor(file)).rejects.toThrow(
      `${file} takes 4 contexts at once only; export it with a dynamic first axis`,
    );
  });
});

it('a predictor with weights in another file is refused before anything is encoded', async () => {
  const predictorsDir = place();
  await cp(PREDICTORS, predictorsDir, { recursive: true });
  await withExternalData(predictorsDir, 'amn_v0.onnx', 'amn_v0.onnx.data');
  const manifest = JSON.parse(await readFile(join(predictorsDir, 'manifest.json'), 'utf8'));
  manifest.predictors.amn_v0.sha256 = await sha256Of(join(predictorsDir, 'amn_v0.onnx'));
  await writeFile(join(predictorsDir, 'manifest.json'), JSON.stringify(manifest));
  const steps: string[] = [];
  const built = buildRelease({
    ...smallBuild(place(), 'v1'),
    predictorsDir,
    onProgress: (step) => steps.push(step),
  });
  await expect(built).rejects.toThrow(
    'amn_v0.onnx keeps weights in "amn_v0.onnx.data", a file of its own; save it as one file: ' +
      "onnx.save_model(onnx.load('amn_v0.onnx'), 'amn_v0.onnx', save_as_external_data=False)",
  );
  expect(steps).toEqual([]);
});
