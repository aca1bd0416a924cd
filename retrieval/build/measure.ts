import type { Flags } from '../../domain/control/state.ts';
import type { RankingMetrics } from '../../domain/evaluation/ranking-metrics.ts';
import { EVALUATION_DEPTH, rankingMetrics } from '../../domain/evaluation/ranking-metrics.ts';
import { findCandidates } from '../candidates.ts';
import type { SearchableCorpus } from '../candidates.ts';
import { askAll, ranksOf } from '../evaluation/evaluate.ts';
import type { NextChunkQuery } from '../evaluation/next-chunk.ts';
import type { Hits, LabelledQuery } from '../evaluation/set.ts';
import { toUnitNorm } from '../encoder/pooling.ts';
import type { Predictor } from '../predictor/predictor.ts';
import { rerankFeatures } from '../reranker/features.ts';
import type { SearchParts } from '../search.ts';
import { searchRelease } from '../search.ts';
import type { RankedExample } from './train-reranker.ts';

/** Share of calibration queries that are to lie at or above tau. */
const CALIBRATED_SHARE = 0.95;

/** The queries with what users would send: the context's vectors, and its ids to leave out. */
export function labelled(
  queries: readonly NextChunkQuery[],
  { chunks, index }: SearchableCorpus,
): LabelledQuery[] {
  const idOf = (row: number) => chunks[row]?.id ?? '';
  return queries.map(({ article, context, gold }, i) => ({
    queryId: `q${String(i + 1).padStart(5, '0')}`,
    goldId: idOf(gold),
    exclude: context.map(idOf),
    article,
    context: context.map((row) => index.vectorsOf([row])),
  }));
}

/** Candidates of each query with their features, for those queries whose answer is among them. */
export async function rankedExamples(
  corpus: SearchableCorpus,
  queries: readonly LabelledQuery[],
  predictor: Predictor,
  nprobe: number,
): Promise<RankedExample[]> {
  const examples: RankedExample[] = [];
  for (const { context, exclude, goldId } of queries) {
    const vector = await predictor.predict(Float32Array.from(context.flatMap((chunk) => Array.from(chunk))));
    const { rows, cosines } = await findCandidates(corpus, { vector, context, exclude, nprobe });
    const gold = rows.findIndex((row) => corpus.chunks[row]?.id === goldId);
    if (gold === -1) continue;
    const { dimension } = corpus;
    examples.push({
      gold,
      features: rerankFeatures({ dimension, cosines, vectors: corpus.index.vectorsOf(rows), context }),
    });
  }
  return examples;
}

/** The 50 ids each query gets under these flags. */
export async function hitsOf(
  parts: SearchParts,
  queries: readonly LabelledQuery[],
  flags: Flags,
): Promise<Hits[]> {
  return askAll(queries, async ({ context, exclude }) => {
    const { results } = await searchRelease(
      parts,
      { kind: 'context', context, exclude, k: EVALUATION_DEPTH },
      flags,
    );
    return results.map(({ id }) => id);
  });
}

/** What a query vector without any model finds: the last chunk of the context, or the mean of all five. */
export async function baseline(
  corpus: SearchableCorpus,
  queries: readonly LabelledQuery[],
  nprobe: number,
  queryOf: (context: readonly Float32Array[]) => Float32Array,
): Promise<RankingMetrics> {
  const hits = await askAll(queries, async ({ context, exclude }) => {
    const { rows } = await findCandidates(corpus, { vector: queryOf(context), context, exclude, nprobe });
    return rows.map((row) => corpus.chunks[row]?.id ?? '');
  });
  return summaryOf(hits);
}

/** The normalised mean of the context's vectors. */
export function meanOf(context: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(context[0]?.length ?? 0);
  for (const vector of context) for (const [i, value] of vector.entries()) sum[i] = (sum[i] ?? 0) + value;
  return toUnitNorm(sum);
}

/** Metrics of recorded hits, without the list of queries. */
export function summaryOf(hits: readonly Hits[]): RankingMetrics {
  return rankingMetrics(ranksOf(hits));
}

/**
 * Cosine of the best candidate of each query. Reranking does not change it, so that tau means the same with the
 * reranker on and off.
 */
export async function topCosines(
  corpus: SearchableCorpus,
  queries: readonly LabelledQuery[],
  predictor: Predictor,
  nprobe: number,
): Promise<number[]> {
  const top: number[] = [];
  for (const { context, exclude } of queries) {
    const vector = await predictor.predict(Float32Array.from(context.flatMap((chunk) => Array.from(chunk))));
    const { cosines } = await findCandidates(corpus, { vector, context, exclude, nprobe });
    top.push(cosines[0] ?? -1);
  }
  return top;
}

/** The cosine that 95 % of these queries (or that share) reach, to three decimals: low enough that a healthy release rarely misses it. */
export function calibrateTau(cosines: readonly number[], share = CALIBRATED_SHARE): number {
  const sorted = cosines.toSorted((a, b) => b - a);
  const at = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return Math.floor(at * 1000) / 1000;
}
