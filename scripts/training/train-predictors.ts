import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { ROOT } from '../../platform/node-command.ts';
import type { ArticleSplit } from '../../retrieval/build/article-split.ts';
import { splitArticles } from '../../retrieval/build/article-split.ts';
import type { ModelWeights } from '../../retrieval/build/predictor-graphs.ts';
import { amnOnnx, gruOnnx } from '../../retrieval/build/predictor-graphs.ts';
import type { CorpusChunk } from '../../retrieval/corpus/jsonl.ts';
import { readChunks } from '../../retrieval/corpus/jsonl.ts';
import { cacheFolder, encodeCorpus } from '../../retrieval/encoder/corpus-vectors.ts';
import type { EncoderManifest } from '../../retrieval/encoder/manifest.ts';
import {
  encoderFolder,
  encoderIdentity,
  readEncoderManifest,
  verifyEncoderFiles,
} from '../../retrieval/encoder/manifest.ts';
import { nextChunkQueries } from '../../retrieval/evaluation/next-chunk.ts';
import type { RankingMetrics } from '../../domain/evaluation/ranking-metrics.ts';
import { EVALUATION_DEPTH, rankingMetrics } from '../../domain/evaluation/ranking-metrics.ts';
import { openPredictor } from '../../retrieval/predictor/predictor.ts';
import { formatNpy, readNpy } from '../../retrieval/release/npy.ts';
import { showProgress } from '../cli/progress.ts';
import { pythonPackages } from '../setup/python-packages.ts';
import { command } from '../cli/command.ts';
import { seed as seedOption } from '../cli/options.ts';

/** Set-up trains the predictors of every encoder but the sample's. */
export const predictors = command({
  example: '--encoder mpnet --out .data/predictors/mpnet',
  options: {
    encoder: { value: 'NAME', help: "the encoder (default: the sample's)", schema: z.string().optional() },
    corpus: {
      value: 'FILE',
      help: 'the corpus',
      schema: z.string().default(() => join(ROOT, '.data/corpus/wikipedia-sample.jsonl')),
    },
    seed: seedOption,
    out: {
      value: 'DIR',
      help: 'where they go',
      schema: z.string().default(() => join(ROOT, 'models/sample-predictors')),
    },
  },
  async run({ encoder, corpus, seed, out }) {
    const encoderOption = encoder === undefined ? [] : [`--encoder ${encoder}`];
    const work = await mkdtemp(join(tmpdir(), 'train-predictors-'));
    try {
      const training = await prepare({ encoder, corpus, seed, out, work });
      await mkdir(out, { recursive: true });
      training.show('training');
      await train(training);
      await writeGraphs(training);
      training.show('measuring');
      const call = ['retriever setup predictors', ...encoderOption, `--seed ${seed}`].join(' ');
      await writeFile(
        join(out, 'manifest.json'),
        `${JSON.stringify(await manifestOf(training, call), null, 2)}\n`,
      );
    } finally {
      await rm(work, { recursive: true });
    }
    return { passed: true, lines: [], result: { out } };
  },
});

interface Training {
  readonly encoder: EncoderManifest;
  readonly chunks: readonly CorpusChunk[];
  /** A row of the encoder's dimension for each chunk. */
  readonly vectors: Float32Array<ArrayBuffer>;
  readonly split: ArticleSplit;
  readonly seed: number;
  readonly out: string;
  readonly work: string;
  readonly show: ReturnType<typeof showProgress>;
}

async function prepare(wanted: {
  readonly encoder: string | undefined;
  readonly corpus: string;
  readonly seed: number;
  readonly out: string;
  readonly work: string;
}): Promise<Training> {
  const { seed, out, work } = wanted;
  const folder = encoderFolder(ROOT, wanted.encoder);
  const encoder = await readEncoderManifest(folder);
  await verifyEncoderFiles(folder, encoder);
  const chunks = await readChunks(wanted.corpus);
  const show = showProgress(`predictors for ${encoder.name}`);
  const { vectors } = await encodeCorpus(
    folder,
    encoder,
    chunks.map(({ text }) => text),
    {
      threads: availableParallelism(),
      cacheDir: cacheFolder(process.env),
      onProgress: (done, total) => show('encoding the corpus', done, total),
    },
  );
  const articles = nextChunkQueries(chunks).map(({ article }) => article);
  return { encoder, chunks, vectors, split: splitArticles(articles, seed), seed, out, work, show };
}

async function train({ chunks, vectors, split, encoder, seed, work }: Training): Promise<void> {
  const queries = nextChunkQueries(chunks, new Set(split.predictor));
  const rows = Float32Array.from(queries.flatMap(({ context, gold }) => [...context, gold]));
  const shape = [chunks.length, encoder.dim];
  await writeFile(join(work, 'vectors.npy'), formatNpy({ shape, data: vectors }));
  await writeFile(join(work, 'queries.npy'), formatNpy({ shape: [queries.length, 6], data: rows }));
  const script = join(ROOT, 'scripts/training/train.py');
  const packages = await pythonPackages(join(ROOT, 'scripts/training/requirements.txt'), join(ROOT, '.data'));
  const { stdout } = await promisify(execFile)(
    'python3',
    [script, join(work, 'vectors.npy'), join(work, 'queries.npy'), String(seed), work],
    // One BLAS thread: the order of its sums is part of the result.
    { env: { ...process.env, OPENBLAS_NUM_THREADS: '1', PYTHONPATH: packages } },
  );
  process.stderr.write(stdout);
}

async function writeGraphs({ encoder: { dim }, out, work }: Training): Promise<void> {
  const weightsOf = async (model: string, names: readonly string[]): Promise<ModelWeights> => {
    const read = async (name: string) => [name, await readNpy(join(work, `${model}.${name}.npy`))] as const;
    return Object.fromEntries(await Promise.all(names.map(read)));
  };
  const amn = await weightsOf('amn', ['mix', 'w1', 'b1', 'w2', 'b2']);
  await writeFile(join(out, 'amn_v0.onnx'), amnOnnx(dim, amn));
  const gru = await weightsOf('gru', ['mix', 'wx', 'wh', 'bx', 'w', 'b']);
  await writeFile(join(out, 'gru_v0.onnx'), gruOnnx(dim, gru));
}

async function manifestOf(training: Training, call: string) {
  const { encoder, chunks, split, seed } = training;
  return {
    encoder: { name: encoder.name, sha256: encoderIdentity(encoder).sha256 },
    dimension: encoder.dim,
    seed,
    command: call,
    corpus: 'the sample corpus of set-up',
    predictors: { amn_v0: await entry(training, 'amn_v0'), gru_v0: await entry(training, 'gru_v0') },
    // The reranker's articles: seen neither in training nor in any release's evaluation.
    measuredOn: `${split.reranker.length} articles outside the training, exact search over ${chunks.length} chunks`,
    lastChunk: await quality(training, async (context) => context.slice(-encoder.dim)),
  };
}

async function entry(training: Training, name: string) {
  const file = join(training.out, `${name}.onnx`);
  const predictor = await openPredictor(file);
  const measured = await quality(training, (context) => predictor.predict(context));
  await predictor.close();
  const sha256 = createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
  return { file: `${name}.onnx`, sha256, trainingArticles: training.split.predictor, measured };
}

/** How well exact search finds the next chunk with this query vector, the context left out. */
async function quality(
  { chunks, vectors, split, encoder: { dim } }: Training,
  predict: (context: Float32Array) => Promise<Float32Array>,
): Promise<RankingMetrics> {
  const rowOf = (row: number) => vectors.subarray(row * dim, (row + 1) * dim);
  const ranks: number[] = [];
  for (const { context, gold } of nextChunkQueries(chunks, new Set(split.reranker))) {
    const query = await predict(Float32Array.from(context.flatMap((row) => [...rowOf(row)])));
    const goldScore = dot(query, rowOf(gold));
    const left = [...chunks.keys()].filter((row) => !context.includes(row));
    ranks.push(1 + left.reduce((better, row) => better + Number(dot(query, rowOf(row)) > goldScore), 0));
  }
  return rankingMetrics(ranks.map((rank) => (rank > EVALUATION_DEPTH ? null : rank)));
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
