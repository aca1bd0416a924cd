/**
 * Makes models/sample-predictors out of a corpus: `tsx scripts/train-predictors.ts [--encoder NAME] [--corpus FILE]
 * [--seed N] [--out DIR]`. Set-up does so for every encoder but the sample's.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { splitArticles } from '../retrieval/build/article-split.ts';
import type { ModelWeights } from '../retrieval/build/predictor-graphs.ts';
import { amnOnnx, gruOnnx } from '../retrieval/build/predictor-graphs.ts';
import { readChunks } from '../retrieval/corpus/jsonl.ts';
import { cacheFolder, encodeCorpus } from '../retrieval/encoder/corpus-vectors.ts';
import {
  encoderFolder,
  encoderIdentity,
  readEncoderManifest,
  verifyEncoderFiles,
} from '../retrieval/encoder/manifest.ts';
import { nextChunkQueries } from '../retrieval/evaluation/next-chunk.ts';
import type { RankingMetrics } from '../domain/evaluation/ranking-metrics.ts';
import { EVALUATION_DEPTH, rankingMetrics } from '../domain/evaluation/ranking-metrics.ts';
import { openPredictor } from '../retrieval/predictor/predictor.ts';
import { formatNpy, readNpy } from '../retrieval/release/npy.ts';
import { showProgress } from './build/progress.ts';
import { pythonPackages } from './setup/python-packages.ts';
import { readOptions } from './tool/usage.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const USAGE = 'usage: train-predictors [--encoder NAME] [--corpus FILE] [--seed N] [--out DIR]';
const options = readOptions(USAGE, {
  options: {
    encoder: { type: 'string' },
    corpus: { type: 'string', default: join(root, '.data/corpus/wikipedia-sample.jsonl') },
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: join(root, 'models/sample-predictors') },
  },
});

const folder = encoderFolder(root, options.encoder);
const encoder = await readEncoderManifest(folder);
await verifyEncoderFiles(folder, encoder);
const dimension = encoder.dim;
const encoderOption = options.encoder === undefined ? [] : [`--encoder ${options.encoder}`];
const chunks = await readChunks(options.corpus);
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
const split = splitArticles(articles, Number(options.seed));
const work = await mkdtemp(join(tmpdir(), 'train-predictors-'));
try {
  await mkdir(options.out, { recursive: true });
  show('training');
  await train();
  await writeFile(
    join(options.out, 'amn_v0.onnx'),
    amnOnnx(dimension, await weightsOf('amn', ['mix', 'w1', 'b1', 'w2', 'b2'])),
  );
  await writeFile(
    join(options.out, 'gru_v0.onnx'),
    gruOnnx(dimension, await weightsOf('gru', ['mix', 'wx', 'wh', 'bx', 'w', 'b'])),
  );
  show('measuring');
  await writeFile(join(options.out, 'manifest.json'), `${JSON.stringify(await manifest(), null, 2)}\n`);
} finally {
  await rm(work, { recursive: true });
}

async function train(): Promise<void> {
  const queries = nextChunkQueries(chunks, new Set(split.predictor));
  const rows = Float32Array.from(queries.flatMap(({ context, gold }) => [...context, gold]));
  await writeFile(join(work, 'vectors.npy'), formatNpy({ shape: [chunks.length, dimension], data: vectors }));
  await writeFile(join(work, 'queries.npy'), formatNpy({ shape: [queries.length, 6], data: rows }));
  const script = join(root, 'scripts/training/train.py');
  const packages = await pythonPackages(join(root, 'scripts/training/requirements.txt'), join(root, '.data'));
  const { stdout } = await promisify(execFile)(
    'python3',
    [script, join(work, 'vectors.npy'), join(work, 'queries.npy'), options.seed, work],
    // One BLAS thread: the order of its sums is part of the result.
    { env: { ...process.env, OPENBLAS_NUM_THREADS: '1', PYTHONPATH: packages } },
  );
  process.stdout.write(stdout);
}

async function weightsOf(model: string, names: readonly string[]): Promise<ModelWeights> {
  const read = async (name: string) => [name, await readNpy(join(work, `${model}.${name}.npy`))] as const;
  return Object.fromEntries(await Promise.all(names.map(read)));
}

async function manifest() {
  return {
    encoder: { name: encoder.name, sha256: encoderIdentity(encoder).sha256 },
    dimension,
    seed: Number(options.seed),
    command: ['tsx scripts/train-predictors.ts', ...encoderOption, `--seed ${options.seed}`].join(' '),
    corpus: 'the sample corpus of set-up',
    predictors: { amn_v0: await entry('amn_v0'), gru_v0: await entry('gru_v0') },
    // The reranker's articles: seen neither in training nor in any release's evaluation.
    measuredOn: `${split.reranker.length} articles outside the training, exact search over ${chunks.length} chunks`,
    lastChunk: await quality(async (context) => context.slice(-dimension)),
  };
}

async function entry(name: string) {
  const file = join(options.out, `${name}.onnx`);
  const predictor = await openPredictor(file);
  const measured = await quality((context) => predictor.predict(context));
  await predictor.close();
  const sha256 = createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
  return { file: `${name}.onnx`, sha256, trainingArticles: split.predictor, measured };
}

/** How well exact search finds the next chunk with this query vector, the context left out. */
async function quality(predict: (context: Float32Array) => Promise<Float32Array>): Promise<RankingMetrics> {
  const ranks: number[] = [];
  for (const { context, gold } of nextChunkQueries(chunks, new Set(split.reranker))) {
    const query = await predict(Float32Array.from(context.flatMap((row) => [...rowOf(row)])));
    const goldScore = dot(query, rowOf(gold));
    const left = [...chunks.keys()].filter((row) => !context.includes(row));
    ranks.push(1 + left.reduce((better, row) => better + Number(dot(query, rowOf(row)) > goldScore), 0));
  }
  return rankingMetrics(ranks.map((rank) => (rank > EVALUATION_DEPTH ? null : rank)));
}

function rowOf(row: number): Float32Array {
  return vectors.subarray(row * dimension, (row + 1) * dimension);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
