import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CorpusChunk } from '../corpus/jsonl.ts';
import { formatChunk } from '../corpus/jsonl.ts';
import { CONTEXT_LENGTH } from '../evaluation/next-chunk.ts';
import { buildIndexes } from '../index/build.ts';
import type { IndexBuild } from '../index/build.ts';
import type { Recipe } from '../release/manifest.ts';
import { appendToOnnx } from './onnx-graph.ts';
import { amnOnnx } from './predictor-graphs.ts';
import { normalNoise, permutation, seededRandom } from './random.ts';

export interface BuiltRelease {
  /** The finished good release, not yet hashed. */
  readonly dir: string;
  readonly chunks: readonly CorpusChunk[];
  readonly indexes: IndexBuild;
  /** Cosine of the best candidate of each evaluation query, under the release's default flags. */
  readonly topCosines: readonly number[];
  readonly seed: number;
}

/** Hidden width of the noise model: that of the sample's AMN, so that it costs as much. */
const HIDDEN = 64;
/** Share of the evaluation queries that `bad-crash` fails: too few to open a breaker, plainly over the runbook's 1 %. */
const CRASHING_SHARE = 0.12;
/** ONNX's number for int64, as Cast wants it. */
const ONNX_INT64 = 7;

/**
 * Turns a good release into a faulty one, for tests and the demo. Each leaves everything else as it was, the numbers
 * of the good build too: the fault is found by looking at the release or at its answers, not at its claims.
 */
export const applyRecipe: Record<Recipe, (release: BuiltRelease) => Promise<void>> = {
  good: async () => {},

  /** Sixteen lists for 400,000 rows: its indexes were built so (crowd.ts), and its numbers are its own. */
  'bad-latency': async () => {},

  /** Someone forgot to normalise: cosines become inner products of vectors of all lengths. Pre-flight sees it. */
  async 'bad-norms'({ dir, indexes, seed }) {
    const random = seededRandom(seed);
    const vectors = indexes.vectors.slice();
    for (let begin = 0; begin < vectors.length; begin += indexes.dimension) {
      const length = 0.5 + random();
      for (let i = begin; i < begin + indexes.dimension; i++) vectors[i] = (vectors[i] ?? 0) * length;
    }
    await buildIndexes(dir, { ...indexes, vectors });
  },

  /** Rows of both indexes name other chunks: cosines stay as they were, only a labelled evaluation sees it. */
  async 'bad-ids'({ dir, chunks, seed }) {
    const order = permutation(chunks.length, seededRandom(seed));
    const shuffled = order.flatMap((row) => chunks[row] ?? []);
    await writeFile(join(dir, 'corpus.jsonl'), shuffled.map((chunk) => `${formatChunk(chunk)}\n`).join(''));
  },

  /** AMN with weights of noise: its queries point nowhere, so cosines fall and the quality proxy sees it. */
  async 'bad-predictor'({ dir, indexes: { dimension }, seed }) {
    const random = seededRandom(seed);
    const noise = (shape: number[], deviation: number) => ({
      shape,
      data: normalNoise(
        shape.reduce((product, size) => product * size, 1),
        deviation,
        random,
      ),
    });
    const model = amnOnnx(dimension, {
      mix: { shape: [CONTEXT_LENGTH], data: new Float32Array(CONTEXT_LENGTH) },
      w1: noise([CONTEXT_LENGTH * dimension, HIDDEN], 1),
      b1: noise([HIDDEN], 1),
      w2: noise([HIDDEN, dimension], 1),
      b2: noise([dimension], 1),
    });
    await writeFile(join(dir, 'amn_v0.onnx'), model);
  },

  /**
   * A reranker that looks a bias up by cosine, in a table that ends too early: for queries with a candidate nearer than
   * that, onnxruntime refuses the index and the request fails. All others are answered as by the good release, those
   * of the warm-up among them, and recorded hits are the good ones: only requests show it.
   */
  async 'bad-crash'({ dir, topCosines }) {
    const file = join(dir, 'reranker.onnx');
    const falling = topCosines.toSorted((a, b) => b - a);
    const limit = falling[Math.floor(CRASHING_SHARE * falling.length)] ?? 1;
    const model = appendToOnnx(await readFile(file), {
      output: 'scores',
      renamed: 'unbiased',
      weights: {
        cosineColumn: { shape: [1], data: BigInt64Array.of(0n) },
        perBucket: { shape: [1], data: Float32Array.of(1 / limit) },
        biases: { shape: [1], data: Float32Array.of(0) },
      },
      nodes: [
        {
          op: 'Gather',
          inputs: ['features', 'cosineColumn'],
          output: 'cosines',
          attributes: { axis: 1 },
        },
        { op: 'Mul', inputs: ['cosines', 'perBucket'], output: 'places' },
        // Towards 0, so that a cosine below it is in the first bucket as well.
        { op: 'Cast', inputs: ['places'], output: 'buckets', attributes: { to: ONNX_INT64 } },
        { op: 'Gather', inputs: ['biases', 'buckets'], output: 'bias' },
        { op: 'Add', inputs: ['unbiased', 'bias'], output: 'scores' },
      ],
    });
    await writeFile(file, model);
  },
};
