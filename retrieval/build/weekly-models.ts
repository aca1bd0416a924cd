import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Flags } from '../../domain/control/state.ts';
import type { RankingMetrics } from '../../domain/evaluation/ranking-metrics.ts';
import type { RerankerContest } from '../../domain/maintenance/decisions.ts';
import type { SearchableCorpus } from '../candidates.ts';
import type { CleanEvaluation } from '../evaluation/clean.ts';
import { askBoth, summarise } from '../evaluation/clean.ts';
import { metricsOfHits } from '../evaluation/evaluate.ts';
import { nextChunkQueries } from '../evaluation/next-chunk.ts';
import type { LabelledQuery } from '../evaluation/set.ts';
import { openIndex } from '../index/open.ts';
import type { Predictor } from '../predictor/predictor.ts';
import { openPredictor } from '../predictor/predictor.ts';
import { openReranker } from '../reranker/reranker.ts';
import { labelled, rankedExamples } from './measure.ts';
import { trainReranker } from './train-reranker.ts';
import type { MergedWork, WeeklyWork } from './weekly-work.ts';
import { readMerged, WORK_FILES } from './weekly-work.ts';

type Say = (done: number, total: number) => void;

/** The models that serve now, opened over the merged corpus and one of its indexes. */
interface Bench {
  readonly merged: MergedWork;
  readonly corpus: SearchableCorpus;
  readonly predictors: { readonly amn_v0: Predictor; readonly gru_v0: Predictor };
  queriesOf(articles: readonly string[]): LabelledQuery[];
}

/**
 * The clean evaluation of the models that serve now on the merged corpus, with its truth as the index: what the
 * corpus has become, whatever an approximate index makes of it.
 */
export async function evaluateMergedCorpus(
  work: WeeklyWork,
  version: string,
  say: Say,
): Promise<CleanEvaluation> {
  return withBench(work, WORK_FILES.truth, async (bench) => {
    const { manifest, split } = bench.merged;
    const queries = bench.queriesOf(split.evaluation);
    const hits = await hitsWith(bench, join(work.baseDir, 'reranker.onnx'), manifest.flags, queries, say);
    const ntotal = bench.corpus.index.ntotal;
    return summarise(version, manifest.flags.reranker, queries, { ...hits, gone: [], ntotal });
  });
}

/**
 * Trains a reranker on the reranker's articles of the merged corpus, and asks it and the one that serves the
 * evaluation's queries, whose articles neither has seen, on the index that the new release will have.
 */
export async function trainContender(
  work: WeeklyWork,
  say: Say,
): Promise<{ contest: RerankerContest; trainedOn: { articles: number; queries: number } }> {
  return withBench(work, WORK_FILES.ivf, async (bench) => {
    const { manifest, split } = bench.merged;
    const { impl, nprobe } = manifest.flags;
    const tuning = bench.queriesOf(split.reranker);
    const examples = await rankedExamples(bench.corpus, tuning, bench.predictors[impl], nprobe);
    if (examples.length === 0)
      throw new Error('no query of the reranker has its answer among the candidates');
    const contender = join(work.workDir, WORK_FILES.reranker);
    await writeFile(contender, trainReranker(examples, manifest.seed));
    const queries = bench.queriesOf(split.evaluation);
    const ask = async (file: string) =>
      metricsOfHits((await hitsWith(bench, file, manifest.flags, queries, say)).reranked);
    const before = await ask(join(work.baseDir, 'reranker.onnx'));
    const after = await ask(contender);
    const [old, fresh] = [new Set(before.hits_at_5), new Set(after.hits_at_5)];
    const quality = ({ R_at_5: rAt5, MRR: mrr }: RankingMetrics) => ({ rAt5, mrr });
    return {
      contest: {
        queries: queries.length,
        articles: split.evaluation.length,
        before: quality(before),
        after: quality(after),
        lostAt5: [...old].filter((id) => !fresh.has(id)).length,
        gainedAt5: [...fresh].filter((id) => !old.has(id)).length,
      },
      trainedOn: { articles: split.reranker.length, queries: examples.length },
    };
  });
}

async function hitsWith(
  { corpus, predictors }: Bench,
  rerankerFile: string,
  flags: Flags,
  queries: readonly LabelledQuery[],
  say: Say,
) {
  const reranker = await openReranker(rerankerFile);
  const encode = () => Promise.reject(new Error('labelled queries are vectors'));
  try {
    // Only the order counts, so any tau will do.
    return await askBoth({ corpus, predictors, reranker, encode, tau: 0 }, flags, queries, say);
  } finally {
    await reranker.close();
  }
}

async function withBench<T>(
  work: WeeklyWork,
  indexFile: string,
  use: (bench: Bench) => Promise<T>,
): Promise<T> {
  const merged = await readMerged(work);
  const { chunks, manifest } = merged;
  const index = await openIndex(join(work.workDir, indexFile));
  const amn = await openPredictor(join(work.baseDir, 'amn_v0.onnx'));
  const gru = await openPredictor(join(work.baseDir, 'gru_v0.onnx'));
  const corpus = { dimension: manifest.dimension, index, chunks };
  try {
    return await use({
      merged,
      corpus,
      predictors: { amn_v0: amn, gru_v0: gru },
      queriesOf: (articles) => labelled(nextChunkQueries(chunks, new Set(articles)), corpus),
    });
  } finally {
    index.close();
    await amn.close();
    await gru.close();
  }
}
