import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Flags } from '../../domain/control/state.ts';
import type { SearchableCorpus } from '../candidates.ts';
import { nextChunkQueries } from '../evaluation/next-chunk.ts';
import type { LabelledQuery } from '../evaluation/set.ts';
import type { Predictor } from '../predictor/predictor.ts';
import { openReranker } from '../reranker/reranker.ts';
import { baseline, calibrateTau, hitsOf, labelled, meanOf, rankedExamples, topCosines } from './measure.ts';
import type { BuildOptions } from './options.ts';
import type { Measurement } from './release-files.ts';
import { writeMeasurement } from './release-files.ts';
import { trainReranker } from './train-reranker.ts';
import type { BuildInput } from './build-input.ts';

export interface BuildParts {
  readonly corpus: SearchableCorpus;
  readonly predictors: { readonly amn_v0: Predictor; readonly gru_v0: Predictor };
}

export interface Calibration {
  readonly tau: number;
  /** Share of evaluation queries whose best candidate has cosine >= tau, under the release's default flags. */
  readonly expectedShare: number;
  /** Cosine of the best candidate of each evaluation query. */
  readonly topCosines: readonly number[];
}

/**
 * Trains the reranker, calibrates tau, measures, and writes what follows from it. The reranker and tau see the
 * reranker's articles only: there the predictors are out of fold, as they are with users.
 */
export async function fillRelease(
  dir: string,
  input: BuildInput,
  options: BuildOptions,
  parts: BuildParts,
): Promise<Calibration> {
  const { chunks, split } = input;
  const { corpus, predictors } = parts;
  const { impl, nprobe } = options.flags;
  const queriesOf = (articles: readonly string[]) =>
    labelled(nextChunkQueries(chunks, new Set(articles)), corpus);

  const tuning = queriesOf(split.reranker);
  const reranker = join(dir, 'reranker.onnx');
  if (options.prepared) await copyFile(options.prepared.reranker.file, reranker);
  else {
    options.onProgress?.('training the reranker');
    const examples = await rankedExamples(corpus, tuning, predictors[impl], nprobe);
    await writeFile(reranker, trainReranker(examples, options.seed));
  }
  const tau = calibrateTau(await topCosines(corpus, tuning, predictors[impl], nprobe));

  options.onProgress?.('evaluating');
  const measured = await measure(dir, queriesOf(split.evaluation), options.flags, parts, tau);
  await writeMeasurement(dir, input, options, measured);
  return { tau, expectedShare: measured.expectedShare, topCosines: measured.topCosines };
}

async function measure(
  dir: string,
  queries: readonly LabelledQuery[],
  flags: Flags,
  { corpus, predictors }: BuildParts,
  tau: number,
): Promise<Measurement & Pick<Calibration, 'topCosines'>> {
  const reranker = await openReranker(join(dir, 'reranker.onnx'));
  const encode = async () => Promise.reject(new Error('labelled queries bring their vectors'));
  const search = { corpus, predictors, reranker, encode, tau };
  const ask = (impl: Flags['impl'], rerank: Flags['reranker']) =>
    hitsOf(search, queries, { ...flags, impl, reranker: rerank });
  try {
    const cosines = await topCosines(corpus, queries, predictors[flags.impl], flags.nprobe);
    return {
      queries,
      tau,
      topCosines: cosines,
      expectedShare: cosines.filter((cosine) => cosine >= tau).length / cosines.length,
      hits: {
        amn_v0: { off: await ask('amn_v0', 'off'), on: await ask('amn_v0', 'on') },
        gru_v0: { off: await ask('gru_v0', 'off'), on: await ask('gru_v0', 'on') },
      },
      lastChunk: await baseline(
        corpus,
        queries,
        flags.nprobe,
        (context) => context.at(-1) ?? new Float32Array(),
      ),
      mean: await baseline(corpus, queries, flags.nprobe, meanOf),
    };
  } finally {
    await reranker.close();
  }
}
