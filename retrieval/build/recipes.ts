import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CorpusChunk } from '../corpus/jsonl.ts';
import { formatChunk } from '../corpus/jsonl.ts';
import { CONTEXT_LENGTH } from '../evaluation/next-chunk.ts';
import { buildIndexes } from '../index/build.ts';
import type { IndexBuild } from '../index/build.ts';
import type { Recipe } from '../release/manifest.ts';
import { amnOnnx } from './predictor-graphs.ts';
import { normalNoise, permutation, seededRandom } from './random.ts';

export interface BuiltRelease {
  /** The finished good release, not yet hashed. */
  readonly dir: string;
  readonly chunks: readonly CorpusChunk[];
  readonly indexes: IndexBuild;
  readonly seed: number;
}

/** Hidden width of the noise model: that of the sample's AMN, so that it costs as much. */
const HIDDEN = 64;

/**
 * Turns a good release into a faulty one, for tests and the demo. Each leaves everything else as it was, the numbers
 * of the good build too: the fault is found by looking at the release or at its answers, not at its claims.
 */
export const applyRecipe: Record<Recipe, (release: BuiltRelease) => Promise<void>> = {
  good: async () => {},

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
};
