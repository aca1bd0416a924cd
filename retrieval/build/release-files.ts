import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Flags } from '../../domain/control/state.ts';
import type { RankingMetrics } from '../../domain/evaluation/ranking-metrics.ts';
import { metricsOfHits } from '../evaluation/evaluate.ts';
import { SYNTHETIC } from './crowd.ts';
import { CONTEXT_LENGTH } from '../evaluation/next-chunk.ts';
import type { Hits, LabelledQuery } from '../evaluation/set.ts';
import { formatNpy } from '../release/npy.ts';
import { summaryOf } from './measure.ts';
import { modelCard } from './model-cards.ts';
import type { BuildOptions } from './options.ts';
import type { BuildInput } from './build-input.ts';

const PROBES = 32;
const PROBE_IDS = 10;

/** A release's quality under every combination of predictor and reranker. */
export interface Measurement {
  readonly queries: readonly LabelledQuery[];
  readonly tau: number;
  readonly expectedShare: number;
  readonly hits: Readonly<Record<Flags['impl'], Readonly<Record<Flags['reranker'], readonly Hits[]>>>>;
  readonly lastChunk: RankingMetrics;
  readonly mean: RankingMetrics;
}

/** Writes the evaluation set, hits, probes, metrics.json, model cards and VERSION. */
export async function writeMeasurement(
  dir: string,
  { split, encoder, predictors, chunks }: BuildInput,
  { version, flags, seed }: BuildOptions,
  measured: Measurement,
): Promise<void> {
  const { queries, hits, tau, expectedShare, lastChunk, mean } = measured;
  const { off: plain, on: reranked } = hits[flags.impl];
  const served = hits[flags.impl][flags.reranker];
  await writeQueries(dir, queries, encoder.dim);
  await writeLines(dir, 'hits_plain.jsonl', plain);
  await writeLines(dir, 'hits_reranked.jsonl', reranked);
  await writeLines(dir, 'probes.jsonl', probesOf(served));
  const metrics = {
    release: version,
    tau,
    expectedShare,
    nprobe: flags.nprobe,
    ...metricsOfHits(served),
    plain: summaryOf(plain),
    reranked: summaryOf(reranked),
    last_chunk: lastChunk,
    mean,
  };
  await writeFile(join(dir, 'metrics.json'), `${JSON.stringify(metrics, null, 2)}\n`);
  for (const impl of ['amn_v0', 'gru_v0'] as const) {
    const card = modelCard(impl, {
      release: version,
      encoder: encoder.name,
      dimension: encoder.dim,
      trainingArticles: predictors.predictors[impl].trainingArticles.length,
      evaluationArticles: split.evaluation.length,
      nprobe: flags.nprobe,
      syntheticRows: chunks.filter(({ article }) => article === SYNTHETIC).length,
      plain: summaryOf(hits[impl].off),
      reranked: summaryOf(hits[impl].on),
      lastChunk,
      mean,
    });
    await writeFile(join(dir, `${impl.replace('_v0', '').toUpperCase()}_v0.md`), card);
  }
  const facts = [version, `seed ${seed}`, `encoder ${encoder.name}`, `chunks ${chunks.length}`];
  await writeFile(join(dir, 'VERSION'), `${facts.join('\n')}\n`);
}

async function writeQueries(
  dir: string,
  queries: readonly LabelledQuery[],
  dimension: number,
): Promise<void> {
  const data = new Float32Array(queries.length * CONTEXT_LENGTH * dimension);
  for (const [i, { context }] of queries.entries()) {
    for (const [j, vector] of context.entries()) data.set(vector, (i * CONTEXT_LENGTH + j) * dimension);
  }
  const shape = [queries.length, CONTEXT_LENGTH, dimension];
  await writeFile(join(dir, 'eval_queries.npy'), formatNpy({ shape, data }));
  const lines = queries.map(({ queryId, goldId, exclude, article }) => ({
    query_id: queryId,
    gold_id: goldId,
    exclude,
    article,
  }));
  await writeLines(dir, 'eval_queries.jsonl', lines);
}

/** Queries spread evenly over the set, so that many articles take part. */
function probesOf(hits: readonly Hits[]): { query: number; ids: string[] }[] {
  const count = Math.min(PROBES, hits.length);
  return Array.from({ length: count }, (_, i) => Math.floor((i * hits.length) / count)).map((query) => ({
    query,
    ids: hits[query]?.top_k.slice(0, PROBE_IDS) ?? [],
  }));
}

async function writeLines(dir: string, file: string, lines: readonly object[]): Promise<void> {
  await writeFile(join(dir, file), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}
