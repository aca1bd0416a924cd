import type { Flags } from '../../domain/control/state.ts';
import type { RankingMetrics } from '../../domain/evaluation/ranking-metrics.ts';
import { EVALUATION_DEPTH, rankingMetrics } from '../../domain/evaluation/ranking-metrics.ts';
import type { Interval } from '../../domain/statistics/proportion.ts';
import { lazyReleaseEncoder } from '../encoder/release-encoder.ts';
import { openIndex } from '../index/open.ts';
import { applyRecord } from '../ingest/apply.ts';
import { replayLog } from '../ingest/replay.ts';
import { LiveCorpus } from '../live-corpus.ts';
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
export interface CleanHits {
  readonly plain: readonly Hits[];
  readonly reranked: readonly Hits[];
  /** Ids of queries that were not asked, as their right answer has left the corpus. */
  readonly gone: readonly string[];
  /** Rows that were searched. */
  readonly ntotal: number;
}

export interface CleanOptions {
  /** Another index over the same rows, such as a FLAT truth; the release's IVF where absent. */
  readonly index?: string;
  /** A shard: the set's queries from..to (exclusive); all where absent. */
  readonly shard?: { readonly from: number; readonly to: number };
  /** Flags to search with; the release's own where absent. */
  readonly flags?: Flags;
  /** The ingest log: chunks that came and went up to that byte count, as they do for users. */
  readonly ingest?: { readonly file: string; readonly until: number };
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
  /** Rows that were searched. */
  readonly ntotal: number;
  /** Queries that were left out, as their right answer has left the corpus. */
  readonly gone: readonly string[];
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
  return summariseClean(dir, await cleanHits(dir, options), options.flags);
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
      const corpus = new LiveCorpus(index, chunks);
      if (options.ingest !== undefined) await ingest(corpus, manifest, options.ingest);
      const encode = () => Promise.reject(new Error('labelled queries are vectors'));
      const parts = { corpus, predictors, reranker, encode, tau: manifest.tau };
      const asked = queries.filter(({ goldId }) => corpus.has(goldId));
      const hits = await askBoth(parts, options.flags ?? manifest.flags, asked, options.onProgress);
      const gone = queries.filter(({ goldId }) => !corpus.has(goldId)).map(({ queryId }) => queryId);
      return { ...hits, gone, ntotal: index.statistics().rows };
    } finally {
      if (index !== serving.index) index.close();
    }
  } finally {
    await serving.close();
  }
}

/** Brings a release's corpus to where the lanes that serve it are. */
async function ingest(
  corpus: LiveCorpus,
  manifest: ReleaseManifest,
  { file, until }: NonNullable<CleanOptions['ingest']>,
): Promise<void> {
  const encoder = lazyReleaseEncoder(manifest);
  const target = { corpus, encoderSha256: manifest.encoder.sha256, encode: encoder.encode };
  try {
    await replayLog({ file, from: manifest.ingestOffset, until }, (record) => applyRecord(target, record));
  } finally {
    await encoder.close();
  }
}

/** Both orders of each query: as it was retrieved, and as the reranker of `parts` puts it. */
export async function askBoth(
  parts: SearchParts,
  flags: Flags,
  queries: readonly LabelledQuery[],
  onProgress?: CleanOptions['onProgress'],
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

/**
 * Metrics of the whole set's hits, with 95 % bootstrap intervals over articles. `flags`: those that were asked with.
 * @throws Error if a query of the set is neither answered nor gone; ReleaseError where none is left
 */
export async function summariseClean(dir: string, hits: CleanHits, flags?: Flags): Promise<CleanEvaluation> {
  const manifest = await readManifest(dir);
  const gone = new Set(hits.gone);
  const queries = (await loadEvaluationSet(dir)).queries.filter(({ queryId }) => !gone.has(queryId));
  if (queries.length === 0) throw new ReleaseError('eval_queries.jsonl', 'holds no query');
  return summarise(manifest.version, (flags ?? manifest.flags).reranker, queries, hits);
}

/** The same of queries that need be no release's. */
export function summarise(
  version: string,
  served: Flags['reranker'],
  queries: readonly LabelledQuery[],
  hits: CleanHits,
): CleanEvaluation {
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
    ntotal: hits.ntotal,
    gone: hits.gone,
    ...metricsOfHits(served === 'on' ? hits.reranked : hits.plain),
    plain: summary(hits.plain),
    reranked: summary(hits.reranked),
    perArticle: perArticle(articles, hits),
  };
}

function perArticle(
  articles: readonly string[],
  hits: Pick<CleanHits, 'plain' | 'reranked'>,
): ArticleMetrics[] {
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
