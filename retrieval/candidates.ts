import { EVALUATION_DEPTH } from '../domain/evaluation/ranking-metrics.ts';
import type { CorpusChunk } from './corpus/jsonl.ts';
import type { NativeIndex } from './index/open.ts';

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
  /** How many are wanted; 50 where absent, as a reranker and an evaluation need them. */
  readonly depth?: number;
}

/** So many rows may go while a search runs without making its answer shorter. */
const MAY_GO = 4;
/** A row with this cosine to a context vector, or more, is that chunk itself: the same text gives the same vector. */
const SAME_CHUNK_COSINE = 1 - 1e-5;
/** Of two unit vectors with that cosine. */
const SAME_CHUNK_DISTANCE = Math.sqrt(2 * (1 - SAME_CHUNK_COSINE));
/** Where the lists that were asked hold too little, so many times as many are. */
const MORE_LISTS = 4;

/**
 * The best rows that are neither excluded nor the context itself: `depth` of them wherever there are so many. Chunks
 * with a text of the context's, however often it occurs, are left out by the scan; of those excluded by their id as
 * many more are fetched; and where the lists at `nprobe` hold too few others, more lists are searched.
 */
export async function findCandidates(
  corpus: SearchableCorpus,
  { vector, context, exclude, nprobe, asBuilt = false, depth = EVALUATION_DEPTH }: CandidateQuery,
): Promise<Candidates> {
  const { index, chunks } = corpus;
  const left = new Set(exclude);
  const isOut = (row: number) =>
    left.has(chunks[row]?.id ?? '') || (!asBuilt && corpus.isGone?.(row) === true);
  const unlike = { centres: joined(context), radius: SAME_CHUNK_DISTANCE };
  for (let lists = nprobe, mayGo = MAY_GO; ;) {
    const fetched = depth + left.size + mayGo;
    const { ids, scores } = await index.search(vector, fetched, lists, [], asBuilt, unlike);
    const found = Array.from(ids, Number);
    const kept = [...found.keys()].filter((i) => found[i] !== -1 && !isOut(found[i] ?? -1)).slice(0, depth);
    const isFull = found.at(-1) !== -1;
    if (kept.length === depth || (!isFull && lists >= (index.nlist ?? 1)))
      return {
        rows: kept.map((i) => found[i] ?? -1),
        cosines: Float32Array.from(kept, (i) => scores[i] ?? 0),
      };
    // Either more rows went while the search ran, or these lists hold no more.
    if (isFull) mayGo *= 2;
    else lists *= MORE_LISTS;
  }
}

/** Vectors one after the other, as models and the index take several. */
export function joined(vectors: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(vectors.reduce((length, vector) => length + vector.length, 0));
  let at = 0;
  for (const vector of vectors) {
    all.set(vector, at);
    at += vector.length;
  }
  return all;
}
