import type { Flags } from '../domain/control/state.ts';
import type { EncoderPool } from './encoder/pool.ts';
import { openReleaseEncoder } from './encoder/release-encoder.ts';
import { CONTEXT_LENGTH } from './evaluation/next-chunk.ts';
import type { IndexStatistics, NativeIndex } from './index/open.ts';
import { applyRecord } from './ingest/apply.ts';
import type { IngestRecord } from './ingest/record.ts';
import { LiveCorpus } from './live-corpus.ts';
import type { ReleaseManifest } from './release/manifest.ts';
import { readManifest, ReleaseError } from './release/manifest.ts';
import { checkIndexNorms } from './release/norms.ts';
import type { ServingParts } from './release/parts.ts';
import { openServingParts } from './release/parts.ts';
import { fileProblems } from './release/verify.ts';
import type { PipelineAnswer, PipelineQuery } from './search.ts';
import { searchRelease } from './search.ts';

export type { PipelineAnswer, PipelineQuery, Recall } from './search.ts';

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
  /** Applies a record of the ingest log. Throws an error that says why this release cannot; nothing was changed then. */
  apply(record: IngestRecord): Promise<void>;
  /** Whether there is a chunk of that id now. */
  knows(id: string): boolean;
  /** What the index holds now. */
  statistics(): IndexStatistics;
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
    if (options.verify === true) refuseWrongNorms(parts.index);
    const encoder = await openReleaseEncoder(manifest, options);
    return createPipeline({ manifest, parts, encoder });
  } catch (error) {
    await parts.close();
    throw error;
  }
}

function refuseWrongNorms(index: NativeIndex): void {
  const { rows, wrong, worst } = checkIndexNorms(index, NORM_STRIDE);
  if (wrong === 0) return;
  const reason = `${wrong} of ${rows} sampled rows are not of unit norm, the worst off by ${worst.toPrecision(3)}`;
  throw new ReleaseError('p_ivf.faiss', reason);
}

interface PipelineParts {
  readonly manifest: ReleaseManifest;
  readonly parts: ServingParts;
  readonly encoder: EncoderPool;
}

function createPipeline({ manifest, parts, encoder }: PipelineParts): Pipeline {
  const { tau, flags } = manifest;
  const { index, chunks, predictors, reranker } = parts;
  const corpus = new LiveCorpus(index, chunks);
  const { encode } = encoder;
  const search = { corpus, predictors, reranker, encode, tau };
  const target = { corpus, encoderSha256: manifest.encoder.sha256, encode };
  return {
    manifest,
    encoder,
    search: (query, asked) => searchRelease(search, query, asked),
    apply: async (record) => applyRecord(target, record),
    knows: (id) => corpus.has(id),
    statistics: () => index.statistics(),
    async warmUp() {
      const context = Array.from({ length: CONTEXT_LENGTH }, (_, row) => index.vectorsOf([row]));
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
