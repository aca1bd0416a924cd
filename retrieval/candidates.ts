import { EVALUATION_DEPTH } from '../domain/ranking.ts';
import type { CorpusChunk } from './corpus/jsonl.ts';
import type { NativeIndex } from './index/open.ts';
import { dot } from './reranker/features.ts';

/** An index with what its rows are. */
export interface SearchableCorpus {
  readonly dimension: number;
  readonly index: NativeIndex;
  /** What row i of the index is. */
  readonly chunks: readonly CorpusChunk[];
  /** Whether that row was removed or replaced since the index was opened; none was where absent. */
  isGone?(row: number): boolean;
}

export interface Candidates {
  /** Rows of the index, best first; at most 50. */
  readonly rows: readonly number[];
  /** Their cosines with the query. */
  readonly cosines: Float32Array<ArrayBuffer>;
}

export interface CandidateQuery {
  /** `dimension` floats. */
  readonly vector: Float32Array;
  /** Vectors whose own chunks are left out. */
  readonly context: readonly Float32Array[];
  /** Ids to leave out as well. */
  readonly exclude: readonly string[];
  readonly nprobe: number;
  /** As if nothing had come or gone since the release was built. */
  readonly asBuilt?: boolean;
}

/** A candidate this near to a context vector is that chunk itself: the same text gives the same vector. */
const SAME_CHUNK_COSINE = 1 - 1e-5;
/** Of two unit vectors with that cosine, rounding included. */
const SAME_CHUNK_DISTANCE = Math.sqrt(2 * (1 - SAME_CHUNK_COSINE)) + 1e-5;

/** The 50 best rows that are neither excluded nor the context itself. So many more are fetched as may fall out. */
export async function findCandidates(
  corpus: SearchableCorpus,
  { vector, context, exclude, nprobe, asBuilt = false }: CandidateQuery,
): Promise<Candidates> {
  const { index, chunks } = corpus;
  const left = new Set(exclude);
  const depth = EVALUATION_DEPTH + left.size + context.length;
  const { ids, scores } = await index.search(vector, depth, nprobe, [], asBuilt);
  // One that went while the search ran.
  const isGone = (row: number) => !asBuilt && corpus.isGone?.(row) === true;
  const found = Array.from(ids, Number).filter((row) => row >= 0);
  const isContext = contextRows(corpus, { vector, context }, found, scores);
  const rows: number[] = [];
  const cosines: number[] = [];
  for (const [i, row] of found.entries()) {
    if (left.has(chunks[row]?.id ?? '') || isContext.has(row) || isGone(row)) continue;
    rows.push(row);
    cosines.push(scores[i] ?? 0);
    if (rows.length === EVALUATION_DEPTH) break;
  }
  return { rows, cosines: Float32Array.from(cosines) };
}

/**
 * Those of the rows found that are chunks of the context. Who is that near to a chunk has nearly the chunk's own cosine
 * with the query, by the triangle inequality: only for those few the vectors are looked at.
 */
function contextRows(
  { dimension, index }: SearchableCorpus,
  { vector, context }: Pick<CandidateQuery, 'vector' | 'context'>,
  found: readonly number[],
  scores: Float32Array,
): Set<number> {
  const cosines = context.map((chunk) => dot(vector, chunk));
  const suspects = found.filter((_, i) =>
    cosines.some((cosine) => Math.abs(cosine - (scores[i] ?? 0)) <= SAME_CHUNK_DISTANCE),
  );
  if (suspects.length === 0) return new Set();
  const vectors = index.vectorsOf(suspects);
  return new Set(
    suspects.filter((_, i) => {
      const candidate = vectors.subarray(i * dimension, (i + 1) * dimension);
      return context.some((chunk) => dot(chunk, candidate) >= SAME_CHUNK_COSINE);
    }),
  );
}
