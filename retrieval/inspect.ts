import type { NativeIndex } from './index/open.ts';
import { dot } from './reranker/features.ts';

/** What a look at one answer tells of the index and the encoder. */
export interface Inspection {
  /** Pairs among the candidates with a cosine above 0.98: chunks that say the same. */
  readonly nearDuplicates: number;
  /** Share (0..1) of the candidates with a better one that says the same; null without candidates. */
  readonly duplicateShare: number | null;
  /** Mean cosine of the pairs among the first five; null for fewer than two candidates. */
  readonly meanTop5Cosine: number | null;
  /** Lists that the candidates lie in; null for a flat index. */
  readonly listsHit: number | null;
  /** L2 norm of the query as it was encoded; null where no text was. */
  readonly encodedNorm: number | null;
}

/** The runbook's limit of what counts as the same. */
const NEAR_DUPLICATE = 0.98;
const TOP = 5;

/** Looks at up to 50 candidates (`rows`, best first): about a millisecond, so for a sample of the answers only. */
export function inspectAnswer(
  index: NativeIndex,
  rows: readonly number[],
  encoded: Float32Array | null,
): Inspection {
  const { dimension } = index;
  const vectors = index.vectorsOf(rows);
  const vector = (i: number) => vectors.subarray(i * dimension, (i + 1) * dimension);
  let nearDuplicates = 0;
  const repeats = new Set<number>();
  let topSum = 0;
  let topPairs = 0;
  for (let i = 0; i < rows.length; i++)
    for (let j = i + 1; j < rows.length; j++) {
      const cosine = dot(vector(i), vector(j));
      if (cosine > NEAR_DUPLICATE) {
        nearDuplicates++;
        repeats.add(j);
      }
      if (j >= TOP) continue;
      topSum += cosine;
      topPairs++;
    }
  return {
    nearDuplicates,
    duplicateShare: rows.length === 0 ? null : repeats.size / rows.length,
    meanTop5Cosine: topPairs === 0 ? null : topSum / topPairs,
    listsHit: index.nlist === null ? null : new Set(index.listsOf(rows)).size,
    encodedNorm: encoded === null ? null : Math.sqrt(dot(encoded, encoded)),
  };
}
