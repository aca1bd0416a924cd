import type { RankingMetrics } from '../../domain/ranking.ts';
import { EVALUATION_DEPTH, rankingMetrics } from '../../domain/ranking.ts';
import type { Interval } from '../../domain/stats.ts';
import { openIndex } from '../index/open.ts';
import type { ReleaseManifest } from '../release/manifest.ts';
import { readManifest, ReleaseError } from '../release/manifest.ts';
import { openServingParts } from '../release/parts.ts';
import type { SearchParts } from '../search.ts';
import { searchRelease } from '../search.ts';
import { bootstrapIntervals } from './bootstrap.ts';
import { metricsOfHits, ranksOf } from './evaluate.ts';
import type { Hits, LabelledQuery } from './set.ts';
import { loadEvaluationSet } from './set.ts';

/** The 50 ids of each query before and after reranking, in the set's order. */
interface CleanHits {
  readonly plain: readonly Hits[];
  readonly reranked: readonly Hits[];
}

export interface CleanOptions {
  /** Another index over the same rows, such as a FLAT truth; the release's IVF where absent. */
  readonly index?: string;
  /** A shard: the set's queries from..to (exclusive); all where absent. */
  readonly shard?: { readonly from: number; readonly to: number };
  readonly onProgress?: (asked: number, total: number) => void;
}

interface ArticleMetrics {
  readonly article: string;
  readonly queries: number;
  readonly plain: Pick<RankingMetrics, 'R_at_5' | 'MRR' | 'Contain_at_50'>;
  readonly reranked: Pick<RankingMetrics, 'R_at_5' | 'MRR' | 'Contain_at_50'>;
}

type Intervals = Readonly<Record<MetricName, Interval>>;
type MetricName = Exclude<keyof RankingMetrics, 'queries'>;

/** A clean evaluation; the metrics at the top are those of the flags that the release is served under. */
export interface CleanEvaluation extends RankingMetrics {
  readonly release: string;
  readonly articles: number;
  readonly hits_at_5: readonly string[];
  readonly plain: RankingMetrics & { readonly intervals: Intervals };
  readonly reranked: RankingMetrics & { readonly intervals: Intervals };
  /** The worst R@5 first: where the release fails. */
  readonly perArticle: readonly ArticleMetrics[];
}

/**
 * Evaluates a release on its labelled queries, none of whose articles any of its models was trained on.
 * @throws ReleaseError if a file is wrong, there is no query, or an article is in a training set
 */
export async function cleanEvaluation(dir: string, options: CleanOptions = {}): Promise<CleanEvaluation> {
  return summariseClean(dir, await cleanHits(dir, options));
}

/** Asks the labelled queries, or a shard of them: shards, put together in their order, are the whole. */
export async function cleanHits(dir: string, options: CleanOptions = {}): Promise<CleanHits> {
  const manifest = await readManifest(dir);
  const { queries: all } = await loadEvaluationSet(dir);
  refuseTrained(manifest, all);
  const queries = options.shard ? all.slice(options.shard.from, options.shard.to) : all;
  const serving = await openServingParts(dir, manifest);
  try {
    const { chunks, predictors, reranker } = serving;
    const index = options.index === undefined ? serving.index : await openOther(options.index, manifest);
    try {
      const corpus = { dimension: manifest.dimension, index, chunks };
      const encode = () => Promise.reject(new Error('labelled queries are vectors'));
      return await askBoth(
        { corpus, predictors, reranker, encode, tau: manifest.tau },
        manifest,
        queries,
        options,
      );
    } finally {
      if (index !== serving.index) index.close();
    }
  } finally {
    await serving.close();
  }
}

async function askBoth(
  parts: SearchParts,
  { flags }: ReleaseManifest,
  queries: readonly LabelledQuery[],
  { onProgress }: CleanOptions,
): Promise<{ plain: Hits[]; reranked: Hits[] }> {
  const hits: { plain: Hits[]; reranked: Hits[] } = { plain: [], reranked: [] };
  for (const [i, { context, exclude, queryId, goldId }] of queries.entries()) {
    const query = { kind: 'context', context, exclude, k: EVALUATION_DEPTH, whole: true } as const;
    const { plain, reranked } = (await searchRelease(parts, query, { ...flags, reranker: 'on' })).orders();
    const of = (ids: readonly string[]) => ({
      query_id: queryId,
      gold_id: goldId,
      top_k: ids.slice(0, EVALUATION_DEPTH),
    });
    hits.plain.push(of(plain));
    // Nothing was found: there was nothing to rerank.
    hits.reranked.push(of(reranked ?? plain));
    onProgress?.(i + 1, queries.length);
  }
  return hits;
}

/** Metrics of the whole set's hits, with 95 % bootstrap intervals over articles. */
export async function summariseClean(dir: string, hits: CleanHits): Promise<CleanEvaluation> {
  const { version, flags } = await readManifest(dir);
  const { queries } = await loadEvaluationSet(dir);
  if (queries.length === 0) throw new ReleaseError('eval_queries.jsonl', 'holds no query');
  for (const [i, { queryId }] of queries.entries())
    if (hits.plain[i]?.query_id !== queryId || hits.reranked[i]?.query_id !== queryId)
      throw new Error(
        `the hits hold ${hits.plain[i]?.query_id ?? 'nothing'} where ${version} asks ${queryId}`,
      );
  const articles = queries.map(({ article }) => article);
  const summary = (of: readonly Hits[]) => {
    const ranks = ranksOf(of);
    return { ...rankingMetrics(ranks), intervals: bootstrapIntervals(ranks, articles) };
  };
  return {
    release: version,
    articles: new Set(articles).size,
    ...metricsOfHits(flags.reranker === 'on' ? hits.reranked : hits.plain),
    plain: summary(hits.plain),
    reranked: summary(hits.reranked),
    perArticle: perArticle(articles, hits),
  };
}

function perArticle(articles: readonly string[], hits: CleanHits): ArticleMetrics[] {
  const metrics = (of: readonly Hits[], article: string) => {
    const { R_at_5, MRR, Contain_at_50 } = rankingMetrics(
      ranksOf(of.filter((_, i) => articles[i] === article)),
    );
    return { R_at_5, MRR, Contain_at_50 };
  };
  return [...new Set(articles)]
    .map((article) => ({
      article,
      queries: articles.filter((other) => other === article).length,
      plain: metrics(hits.plain, article),
      reranked: metrics(hits.reranked, article),
    }))
    .toSorted((a, b) => a.reranked.R_at_5 - b.reranked.R_at_5);
}

/** What a model has seen in its training it knows by heart: such a number would promise too much. */
function refuseTrained({ predictors, reranker }: ReleaseManifest, queries: readonly LabelledQuery[]): void {
  const asked = new Set(queries.map(({ article }) => article));
  for (const [model, { trainingArticles }] of Object.entries({ ...predictors, reranker })) {
    const seen = trainingArticles.filter((article) => asked.has(article));
    if (seen.length > 0)
      throw new ReleaseError(
        'manifest.json',
        `${model} was trained on articles of the evaluation: ${seen.slice(0, 3).join(', ')}`,
      );
  }
}

async function openOther(file: string, { dimension, ntotal }: ReleaseManifest) {
  const index = await openIndex(file);
  if (index.dimension === dimension && index.ntotal === ntotal) return index;
  index.close();
  throw new ReleaseError(
    file,
    `has ${index.ntotal} rows of ${index.dimension} dimensions, the release has ${ntotal} of ${dimension}`,
  );
}
