import { chmod, constants, copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CorpusChunk } from '../corpus/jsonl.ts';
import { formatChunk, readChunks } from '../corpus/jsonl.ts';
import { encodeCorpus } from '../encoder/corpus-vectors.ts';
import { encoderIdentity, readEncoderManifest, verifyEncoderFiles } from '../encoder/manifest.ts';
import { CONTEXT_LENGTH, nextChunkQueries } from '../evaluation/next-chunk.ts';
import type { IndexBuild } from '../index/build.ts';
import { buildIndexes, listCount } from '../index/build.ts';
import { openIndex } from '../index/open.ts';
import { openPredictor } from '../predictor/predictor.ts';
import { formatChecksums, readChecksums, sha256Of } from '../release/checksums.ts';
import type { ReleaseManifest } from '../release/manifest.ts';
import { RELEASE_FILES, ReleaseError } from '../release/manifest.ts';
import { checkRowNorms } from '../release/norms.ts';
import { readNpy } from '../release/npy.ts';
import { ownFiles } from '../release/own-files.ts';
import { refuseOverlap, splitArticles } from './article-split.ts';
import { buildCrowdedIndexes } from './crowd.ts';
import { fillRelease } from './fill-release.ts';
import type { BuildOptions } from './options.ts';
import type { PredictorsManifest } from './predictor-manifest.ts';
import { readPredictorsManifest } from './predictor-manifest.ts';
import { applyRecipe } from './recipes.ts';
import type { BuildInput } from './build-input.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

/** Results of a search that names no number. */
const DEFAULT_K = 10;

export interface BuildResult {
  readonly dir: string;
  /** `unchanged`: a release of this version with the same content was there already. */
  readonly kind: 'built' | 'unchanged';
}

/**
 * Makes a release folder out of a corpus. Everything depends on the input and the seed alone: the same give the same
 * bytes. It is made beside its place and moved there when it is whole, so there is never half a release.
 * @throws Error naming what is wrong with the input; ReleaseError if another release of that version is there already
 */
export async function buildRelease(options: BuildOptions): Promise<BuildResult> {
  const input = await readInput(options);
  const dir = join(options.releasesDir, options.version);
  const part = join(options.releasesDir, `.${options.version}.part`);
  await rm(part, { recursive: true, force: true });
  await mkdir(part, { recursive: true });
  try {
    await writeRelease(part, input, options);
    const built = await readChecksums(part);
    const existing = await readChecksums(dir).catch(() => null);
    if (existing === null) {
      await ownFiles(part);
      await rename(part, dir);
      return { dir, kind: 'built' };
    }
    const different = Object.keys(built).find((file) => existing[file] !== built[file]);
    if (different !== undefined)
      throw new ReleaseError(
        different,
        `differs from the one in ${dir}; a release never changes, name another version`,
      );
    return { dir, kind: 'unchanged' };
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

async function readInput(options: BuildOptions): Promise<BuildInput> {
  const encoder = await readEncoderManifest(options.encoderDir);
  await verifyEncoderFiles(options.encoderDir, encoder);
  const predictors = await readPredictorsManifest(options.predictorsDir);
  const { sha256 } = encoderIdentity(encoder);
  if (predictors.dimension !== encoder.dim || predictors.encoder.sha256 !== sha256)
    throw new Error(
      `the predictors in ${options.predictorsDir} were trained on vectors of ${predictors.encoder.name} ` +
        `(${predictors.dimension} dimensions), not of this ${encoder.name} (${encoder.dim}), whose sha256 is ${sha256}`,
    );
  await tryPredictors(options.predictorsDir, predictors);
  const chunks = await readChunks(options.corpus, options.prepared ? 'release' : 'incoming');
  const split =
    options.prepared?.split ??
    splitArticles(
      nextChunkQueries(chunks).map(({ article }) => article),
      options.seed,
    );
  for (const [name, { trainingArticles }] of Object.entries(predictors.predictors)) {
    refuseOverlap(name, trainingArticles, split);
  }
  return { chunks, encoder, predictors, split };
}

/** Refuses a model that cannot be served before hours go into encoding for it. */
async function tryPredictors(dir: string, { dimension, predictors }: PredictorsManifest): Promise<void> {
  for (const entry of Object.values(predictors)) {
    const file = await checkedPredictor(dir, entry);
    const predictor = await openPredictor(file);
    try {
      // Alone and together, as it is asked by users and by the evaluation.
      for (const contexts of [1, 3])
        await predictor.predict(new Float32Array(contexts * CONTEXT_LENGTH * dimension).fill(1));
    } catch (cause) {
      const reason = errorMessage(cause);
      throw new Error(`${file} cannot be asked 1 and 3 contexts at once: ${reason}`, { cause });
    } finally {
      await predictor.close();
    }
  }
}

async function writeRelease(part: string, given: BuildInput, options: BuildOptions): Promise<void> {
  const { encoder, predictors } = given;
  const vectors = await vectorsOf(given, options);
  const { wrong } = checkRowNorms(vectors, encoder.dim);
  if (wrong > 0) throw new Error(`${encoder.name} gave ${wrong} vectors that are not of unit norm`);
  options.onProgress?.('indexing');
  const { chunks, indexes } = await writeIndexes(part, given.chunks, vectors, options);
  const input = { ...given, chunks };
  await writeFile(join(part, 'corpus.jsonl'), chunks.map((chunk) => `${formatChunk(chunk)}\n`).join(''));
  for (const name of ['amn_v0', 'gru_v0'] as const) {
    await copyPredictor(options.predictorsDir, predictors.predictors[name], join(part, `${name}.onnx`));
  }
  const index = await openIndex(join(part, 'p_ivf.faiss'));
  const amn = await openPredictor(join(part, 'amn_v0.onnx'));
  const gru = await openPredictor(join(part, 'gru_v0.onnx'));
  try {
    const corpus = { dimension: encoder.dim, index, chunks };
    const { topCosines, ...calibration } = await fillRelease(part, input, options, {
      corpus,
      predictors: { amn_v0: amn, gru_v0: gru },
    });
    await applyRecipe[options.recipe]({ dir: part, chunks, indexes, topCosines, seed: options.seed });
    await writeCodes(part);
    await seal(part, input, options, { ...calibration, nlist: index.nlist ?? indexes.nlist });
  } finally {
    index.close();
    await amn.close();
    await gru.close();
  }
}

/** A vector for each chunk: of the parts that were prepared, else from the encoder or its cache. */
async function vectorsOf(
  { chunks, encoder }: BuildInput,
  options: BuildOptions,
): Promise<Float32Array<ArrayBuffer>> {
  if (options.prepared) {
    const file = options.prepared.vectors;
    const { shape, data } = await readNpy(file);
    if (shape[0] === chunks.length && shape[1] === encoder.dim) return data;
    throw new Error(`${file} has shape ${shape.join(' x ')}, not ${chunks.length} x ${encoder.dim}`);
  }
  options.onProgress?.('encoding');
  const texts = chunks.map(({ text }) => text);
  const { vectors } = await encodeCorpus(options.encoderDir, encoder, texts, {
    threads: options.threads,
    cacheDir: options.cacheDir,
    onProgress: (done, total) => options.onProgress?.('encoding', done, total),
  });
  return vectors;
}

/** Both indexes, and the corpus that they hold. */
async function writeIndexes(
  part: string,
  chunks: readonly CorpusChunk[],
  vectors: Float32Array<ArrayBuffer>,
  { prepared, flags, recipe, seed }: BuildOptions,
): Promise<{ readonly chunks: readonly CorpusChunk[]; readonly indexes: IndexBuild }> {
  const dimension = vectors.length / chunks.length;
  const indexes = { dimension, vectors, nlist: listCount(chunks.length), nprobe: flags.nprobe };
  if (recipe === 'bad-latency') return buildCrowdedIndexes(part, chunks, indexes, seed);
  if (prepared) await copyIndexes(prepared.indexes, part);
  else await buildIndexes(part, indexes);
  return { chunks, indexes };
}

async function copyIndexes(from: string, to: string): Promise<void> {
  for (const file of ['p_flat_ip.faiss', 'p_ivf.faiss'])
    await copyFile(join(from, file), join(to, file), constants.COPYFILE_FICLONE);
}

/** The scan's codes, of the index as the recipe left it. */
async function writeCodes(dir: string): Promise<void> {
  const index = await openIndex(join(dir, 'p_ivf.faiss'));
  await index.writeCodes(join(dir, 'p_ivf.codes')).finally(() => index.close());
}

/** The file of a predictor. Throws an Error where it is not the one that was handed over. */
async function checkedPredictor(dir: string, entry: { file: string; sha256: string }): Promise<string> {
  const file = join(dir, entry.file);
  if ((await sha256Of(file)) === entry.sha256) return file;
  throw new Error(`${file} is not the file its manifest.json names`);
}

async function copyPredictor(
  dir: string,
  entry: { file: string; sha256: string },
  to: string,
): Promise<void> {
  const from = await checkedPredictor(dir, entry);
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  // A release's own file is read-only, and a recipe may write over the copy.
  await chmod(to, 0o644);
}

/** Writes manifest.json and checksums.txt, the last two files. */
async function seal(
  dir: string,
  { chunks, encoder, predictors, split }: BuildInput,
  options: BuildOptions,
  measured: { tau: number; expectedShare: number; nlist: number },
): Promise<void> {
  const { version, createdBy, seed, recipe, backbone, flags } = options;
  const files: Record<string, string> = {};
  for (const file of RELEASE_FILES) files[file] = await sha256Of(join(dir, file));
  const predictor = (name: 'amn_v0' | 'gru_v0') => ({
    file: `${name}.onnx`,
    sha256: files[`${name}.onnx`] ?? '',
    trainingArticles: predictors.predictors[name].trainingArticles,
  });
  const manifest: ReleaseManifest = {
    version,
    createdBy,
    seed,
    recipe,
    ...(backbone === undefined ? {} : { backbone }),
    dimension: encoder.dim,
    k: DEFAULT_K,
    ...measured,
    flags,
    encoder: encoderIdentity(encoder),
    predictors: { amn_v0: predictor('amn_v0'), gru_v0: predictor('gru_v0') },
    reranker: { trainingArticles: [...(options.prepared?.reranker.trainingArticles ?? split.reranker)] },
    evaluationArticles: [...split.evaluation],
    ntotal: chunks.length,
    ...(options.prepared ? { ivfTrainedOn: options.prepared.ivfTrainedOn } : {}),
    ingestOffset: options.ingestOffset ?? 0,
    files,
  };
  await writeFile(join(dir, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  const sealed = { ...files, 'manifest.json': await sha256Of(join(dir, 'manifest.json')) };
  await writeFile(join(dir, 'checksums.txt'), formatChecksums(sealed));
}
