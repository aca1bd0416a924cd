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

/** The 50 best rows that are neither excluded nor the context itself. So many more are fetched as may fall out. */
export async function findCandidates(
  corpus: SearchableCorpus,
  { vector, context, exclude, nprobe, asBuilt = false }: CandidateQuery,
): Promise<Candidates> {
  const { dimension, index, chunks } = corpus;
  const left = new Set(exclude);
  const depth = EVALUATION_DEPTH + left.size + context.length;
  const { ids, scores } = await index.search(vector, depth, nprobe, [], asBuilt);
  // One that went while the search ran.
  const isGone = (row: number) => !asBuilt && corpus.isGone?.(row) === true;
  const found = Array.from(ids, Number).filter((row) => row >= 0);
  const isContext = context.length > 0 ? sameChunk(index.vectorsOf(found), dimension, context) : () => false;
  const rows: number[] = [];
  const cosines: number[] = [];
  for (const [i, row] of found.entries()) {
    if (left.has(chunks[row]?.id ?? '') || isContext(i) || isGone(row)) continue;
    rows.push(row);
    cosines.push(scores[i] ?? 0);
    if (rows.length === EVALUATION_DEPTH) break;
  }
  return { rows, cosines: Float32Array.from(cosines) };
}

/** Whether the i-th of these vectors is one of the context's. */
function sameChunk(
  vectors: Float32Array,
  dimension: number,
  context: readonly Float32Array[],
): (i: number) => boolean {
  return (i) => {
    const vector = vectors.subarray(i * dimension, (i + 1) * dimension);
    return context.some((chunk) => dot(chunk, vector) >= SAME_CHUNK_COSINE);
  };
}
