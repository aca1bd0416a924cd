import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import type { Flags } from '../domain/control.ts';
import { EncoderError } from './encoder/errors.ts';
import {
  encoderFolder,
  encoderIdentity,
  readEncoderManifest,
  verifyEncoderFiles,
} from './encoder/manifest.ts';
import type { EncoderPool } from './encoder/pool.ts';
import { openEncoderPool } from './encoder/pool.ts';
import { CONTEXT_LENGTH } from './evaluation/next-chunk.ts';
import type { ReleaseManifest } from './release/manifest.ts';
import { readManifest, ReleaseError } from './release/manifest.ts';
import { checkRowNorms } from './release/norms.ts';
import type { ServingParts } from './release/parts.ts';
import { openServingParts } from './release/parts.ts';
import { fileProblems } from './release/verify.ts';
import type { PipelineAnswer, PipelineQuery } from './search.ts';
import { searchRelease } from './search.ts';

export type { PipelineAnswer, PipelineQuery } from './search.ts';

/** One release, ready to answer. */
export interface Pipeline {
  readonly manifest: ReleaseManifest;
  /** What encodes the texts of queries, for who wants their vectors, or how it does. */
  readonly encoder: Pick<EncoderPool, 'encodeBatch' | 'stats'>;
  /**
   * Searches with the flags of this call. A context's own chunks are never among the results, whether they came as
   * texts or as vectors; reranking needs a context, so other queries are answered in the order of their cosines.
   * @throws RangeError for a vector of another length or with a value that is not finite; EncoderBusyError and
   *   EncoderDeadlineError for texts
   */
  search(query: PipelineQuery, flags: Flags): Promise<PipelineAnswer>;
  /** Runs every model and the index once, so that the first user does not wait for it. */
  warmUp(): Promise<void>;
  close(): Promise<void>;
}

export interface PipelineOptions {
  /** Folder that holds the encoder's folder; the clone's own places where absent. */
  readonly modelsDir?: string;
  /** Checksums and norms as well, as a lane does at its start. */
  readonly verify?: boolean;
}

/** One row in so many has its norm checked at the start: all of them are pre-flight's job. */
const NORM_STRIDE = 7;
const ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * Opens a release for serving.
 * @throws ReleaseError naming the file that is missing, damaged, of another dimension, or not normalised
 */
export async function openPipeline(dir: string, options: PipelineOptions = {}): Promise<Pipeline> {
  const manifest = await readManifest(dir);
  const [problem] = options.verify === true ? await fileProblems(dir, manifest) : [];
  if (problem) throw new ReleaseError(problem.file, problem.reason);
  const parts = await openServingParts(dir, manifest);
  try {
    // Reranking reads single rows; the index would have to look through all its lists for each of them.
    const vectors = parts.index.reconstruct(0, parts.index.ntotal);
    if (options.verify === true) refuseWrongNorms(vectors, manifest.dimension);
    const encoder = await openReleaseEncoder(manifest, options);
    return createPipeline({ manifest, parts, vectors, encoder });
  } catch (error) {
    await parts.close();
    throw error;
  }
}

function refuseWrongNorms(vectors: Float32Array, dimension: number): void {
  const { rows, wrong, worst } = checkRowNorms(vectors, dimension, NORM_STRIDE);
  if (wrong === 0) return;
  const reason = `${wrong} of ${rows} sampled rows are not of unit norm, the worst off by ${worst.toPrecision(3)}`;
  throw new ReleaseError('p_ivf.faiss', reason);
}

async function openReleaseEncoder(
  { encoder: built }: ReleaseManifest,
  { modelsDir, verify }: PipelineOptions,
): Promise<EncoderPool> {
  const { name } = built;
  const folder = modelsDir === undefined ? encoderFolder(ROOT, name) : join(modelsDir, name);
  try {
    const encoder = await readEncoderManifest(folder);
    if (!isDeepStrictEqual(encoderIdentity(encoder), built))
      throw new EncoderError(`the release was built with another encoder than the ${name} that is installed`);
    if (verify === true) await verifyEncoderFiles(folder, encoder);
    return await openEncoderPool(folder, 1);
  } catch (error) {
    // Refused like a damaged release: starting again would not mend it.
    if (error instanceof EncoderError)
      throw new ReleaseError(`encoder ${name}`, error.message, { cause: error });
    throw error;
  }
}

interface PipelineParts {
  readonly manifest: ReleaseManifest;
  readonly parts: ServingParts;
  /** Row i of the index, `dimension` floats each. */
  readonly vectors: Float32Array;
  readonly encoder: EncoderPool;
}

function createPipeline({ manifest, parts, vectors, encoder }: PipelineParts): Pipeline {
  const { dimension, tau, flags } = manifest;
  const { index, chunks, predictors, reranker } = parts;
  const corpus = { dimension, index, vectors, chunks };
  const search = { corpus, predictors, reranker, encode: encoder.encode, tau };
  return {
    manifest,
    encoder,
    search: (query, asked) => searchRelease(search, query, asked),
    async warmUp() {
      const context = Array.from({ length: CONTEXT_LENGTH }, (_, row) =>
        vectors.slice(row * dimension, (row + 1) * dimension),
      );
      await searchRelease(search, { kind: 'text', text: 'warm-up', k: 1, exclude: [] }, flags);
      for (const impl of ['amn_v0', 'gru_v0'] as const) {
        await searchRelease(
          search,
          { kind: 'context', context, k: 1, exclude: [] },
          { ...flags, impl, reranker: 'on' },
        );
      }
    },
    async close() {
      await encoder.close();
      await parts.close();
    },
  };
}
