import type { Explanation } from '../domain/http.ts';
import { FEATURES } from './reranker/features.ts';

/** Results that are explained; nobody reads on. */
export const EXPLAINED = 5;

export interface Ranking {
  /** n*4 floats as rerankFeatures gives them. */
  readonly features: Float32Array;
  /** The reranker's, for each candidate; null where it did not run. */
  readonly scores: Float32Array | null;
  /** Whether there was a context: without one its feature says nothing. */
  readonly hasContext: boolean;
}

/** Why candidate `i` (its place by cosine, from 0) is where it is. */
export function explainResult({ features, scores, hasContext }: Ranking, i: number): Explanation {
  const [cosine = 0, margin = 0, local = 0, diversity = 0] = features.subarray(i * FEATURES);
  return {
    cosine,
    margin,
    articleContext: hasContext ? local : null,
    diversity,
    rerankScore: scores?.[i] ?? null,
    rankBefore: i + 1,
  };
}
