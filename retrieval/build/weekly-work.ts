import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readJson, writeJson } from '../../platform/json-file.ts';
import type { CorpusChunk } from '../corpus/jsonl.ts';
import { formatChunk, readChunks } from '../corpus/jsonl.ts';
import { nextChunkQueries } from '../evaluation/next-chunk.ts';
import type { ReleaseManifest } from '../release/manifest.ts';
import { readManifest } from '../release/manifest.ts';
import { formatNpy, readNpy } from '../release/npy.ts';
import type { ArticleSplit } from './article-split.ts';
import { extendSplit } from './article-split.ts';
import { mergeIngested } from './merge-corpus.ts';

/** The folder in which the steps of a weekly maintenance leave their files, and the release it builds on. */
export interface WeeklyWork {
  readonly baseDir: string;
  readonly workDir: string;
}

/** What the first step left. */
export interface MergedWork {
  readonly manifest: ReleaseManifest;
  readonly chunks: readonly CorpusChunk[];
  readonly vectors: Float32Array<ArrayBuffer>;
  readonly split: ArticleSplit;
}

export const WORK_FILES = {
  corpus: 'corpus.jsonl',
  vectors: 'vectors.npy',
  split: 'split.json',
  truth: 'p_flat_ip.faiss',
  ivf: 'p_ivf.faiss',
  reranker: 'reranker.onnx',
} as const;

/**
 * Does a step unless it was done: its result is written last, so that a step whose process died is done again.
 */
export async function once<T>(workDir: string, step: string, compute: () => Promise<T>): Promise<T> {
  const file = join(workDir, `${step}.done.json`);
  if (existsSync(file)) return (await readJson(file)) as T;
  await mkdir(workDir, { recursive: true });
  const result = await compute();
  await writeJson(file, result);
  return result;
}

/** Merges the ingest log into the base's corpus, and splits the articles. Numbers for a person. */
export async function writeMerged(
  { baseDir, workDir }: WeeklyWork,
  log: { readonly file: string; readonly until: number },
) {
  const manifest = await readManifest(baseDir);
  const merged = await mergeIngested(baseDir, log);
  const { chunks, vectors, dimension, passedOver } = merged;
  const before = await readChunks(join(baseDir, 'corpus.jsonl'), 'release');
  const articles = (of: readonly CorpusChunk[]) => nextChunkQueries(of).map(({ article }) => article);
  const { amn_v0: amn, gru_v0: gru } = manifest.predictors;
  const split = extendSplit(
    articles(chunks),
    {
      all: articles(before),
      reranker: manifest.reranker.trainingArticles,
      evaluation: manifest.evaluationArticles,
      trained: [...amn.trainingArticles, ...gru.trainingArticles],
    },
    manifest.seed,
  );
  const known = new Set(before.map(({ article }) => article));
  await writeFile(
    join(workDir, WORK_FILES.corpus),
    chunks.map((chunk) => `${formatChunk(chunk)}\n`).join(''),
  );
  const shape = [chunks.length, dimension];
  await writeFile(join(workDir, WORK_FILES.vectors), formatNpy({ shape, data: vectors }));
  await writeFile(join(workDir, WORK_FILES.split), JSON.stringify(split));
  return {
    rowsBefore: before.length,
    rows: chunks.length,
    added: merged.added,
    replaced: merged.replaced,
    removed: merged.removed,
    passedOver: passedOver.length,
    reasons: passedOver.slice(0, 5),
    newArticles: new Set(chunks.map(({ article }) => article).filter((name) => !known.has(name))).size,
  };
}

/** Reads what writeMerged left. */
export async function readMerged({ baseDir, workDir }: WeeklyWork): Promise<MergedWork> {
  return {
    manifest: await readManifest(baseDir),
    chunks: await readChunks(join(workDir, WORK_FILES.corpus), 'release'),
    vectors: (await readNpy(join(workDir, WORK_FILES.vectors))).data,
    split: (await readJson(join(workDir, WORK_FILES.split))) as MergedWork['split'],
  };
}
