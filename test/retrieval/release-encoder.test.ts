import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Flags } from '../../domain/control/state.ts';
import { EncoderDeadlineError } from '../../retrieval/encoder/errors.ts';
import { DEFAULT_ENCODER, encoderFolder, readEncoderManifest } from '../../retrieval/encoder/manifest.ts';
import { loadEvaluationSet } from '../../retrieval/evaluation/set.ts';
import { openPipeline } from '../../retrieval/pipeline.ts';
import { ReleaseError } from '../../retrieval/release/manifest.ts';
import { smallRelease } from '../fixtures/releases.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FLAGS: Flags = { impl: 'amn_v0', reranker: 'on', nprobe: 8 };

let dir: string;
beforeAll(async () => {
  dir = await smallRelease('small');
});

describe("a release's encoder", () => {
  let models: string;
  beforeEach(async () => {
    models = await mkdtemp(join(tmpdir(), 'models-'));
    await cp(encoderFolder(ROOT), join(models, DEFAULT_ENCODER), { recursive: true });
  });
  afterEach(() => rm(models, { recursive: true }));

  const opening = () => openPipeline(dir, { verify: true, modelsDir: models });
  const changeManifest = async (change: object) => {
    const file = join(models, DEFAULT_ENCODER, 'manifest.json');
    await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...change }));
  };

  it('is refused by name when a file is not the one of its manifest', async () => {
    await writeFile(join(models, DEFAULT_ENCODER, 'tokenizer.json'), '{}');
    await expect(opening()).rejects.toThrow(
      /encoder minilm-l6-v2-int8: .*tokenizer\.json is not the file its manifest\.json names/,
    );
  });

  it('is refused as a release is, so that its lane is not started again and again', async () => {
    await rm(join(models, DEFAULT_ENCODER, 'model.onnx'));
    await expect(opening()).rejects.toThrow(ReleaseError);
  });

  it('is refused when it is not the one that the release was built with', async () => {
    const { files } = await readEncoderManifest(join(models, DEFAULT_ENCODER));
    await changeManifest({ files: { ...files, 'tokenizer.json': 'ab'.repeat(32) } });
    await expect(opening()).rejects.toThrow(
      /the release was built with another encoder than the minilm-l6-v2-int8 that is installed/,
    );
  });

  it('is refused when its vectors are not what its manifest says', async () => {
    await changeManifest({ golden: { text: 'tides', values: [1], tolerance: 0.01 } });
    await expect(opening()).rejects.toThrow(/encoder minilm-l6-v2-int8: .*golden text begins/);
  });

  it('encodes texts for others, with the cache that queries use', async () => {
    const opened = await openPipeline(dir);
    await opened.search({ kind: 'text', text: 'tides', k: 1, exclude: [] }, FLAGS);
    const [vector] = await opened.encoder.encodeBatch(['tides', 'lamps'], 'query');
    expect(vector).toHaveLength(opened.manifest.dimension);
    expect(opened.encoder.stats()).toEqual({ hits: 1, misses: 2, queued: 0 });
    await opened.close();
  });

  it('drops the texts of a query whose deadline has passed', async () => {
    const late = { k: 1, exclude: [], deadlineMs: Date.now() - 1 };
    const fresh = 'words that nobody has asked for before';
    const [context] = (await loadEvaluationSet(dir)).queries.map(({ context: vectors }) => vectors.slice(1));
    const pipeline = await openPipeline(dir);
    await expect(pipeline.search({ kind: 'text', text: fresh, ...late }, FLAGS)).rejects.toThrow(
      EncoderDeadlineError,
    );
    await expect(
      pipeline.search({ kind: 'context', context: [fresh, ...(context ?? [])], ...late }, FLAGS),
    ).rejects.toThrow(EncoderDeadlineError);
    await pipeline.close();
  });
});
