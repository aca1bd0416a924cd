import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Weight } from '../../../retrieval/build/onnx-graph.ts';
import type { ModelWeights } from '../../../retrieval/build/predictor-graphs.ts';
import { amnOnnx, gruOnnx } from '../../../retrieval/build/predictor-graphs.ts';
import { normalNoise, permutation, seededRandom } from '../../../retrieval/build/random.ts';
import { trainReranker } from '../../../retrieval/build/train-reranker.ts';
import { openPredictor } from '../../../retrieval/predictor/predictor.ts';
import { FEATURES, rerankFeatures } from '../../../retrieval/reranker/features.ts';
import { openReranker, orderOf } from '../../../retrieval/reranker/reranker.ts';

const D = 6;
const H = 3;
const random = seededRandom(4);
const weight = (...shape: number[]): Weight => ({
  shape,
  data: normalNoise(
    shape.reduce((a, b) => a * b, 1),
    0.7,
    random,
  ),
});
const at = ({ data }: Weight, i: number) => Number(data[i]);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'models-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function predict(model: Uint8Array, contexts: Float32Array): Promise<Float32Array> {
  const file = join(folder, 'model.onnx');
  await writeFile(file, model);
  const predictor = await openPredictor(file);
  const predicted = await predictor.predict(contexts);
  await predictor.close();
  return predicted;
}

function unit(vector: number[]): number[] {
  const norm = Math.hypot(...vector);
  return vector.map((value) => value / norm);
}

const times = (x: number[], w: Weight, columns: number) =>
  Array.from({ length: columns }, (_, j) =>
    x.reduce((sum, value, i) => sum + value * at(w, i * columns + j), 0),
  );
const plus = (x: number[], y: number[]) => x.map((value, i) => value + (y[i] ?? 0));
const listOf = ({ data }: Weight) => Array.from(data, Number);
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

const mixOf = (chunks: number[][], mix: Weight) =>
  chunks.reduce(
    (sum, chunk, i) =>
      plus(
        sum,
        chunk.map((value) => value * at(mix, i)),
      ),
    Array.from({ length: D }, () => 0),
  );

/** The formulas of the docstrings, written down once more without ONNX. */
function amnByHand(chunks: number[][], w: Record<'mix' | 'w1' | 'b1' | 'w2' | 'b2', Weight>): number[] {
  const hidden = plus(times(chunks.flat(), w.w1, H), listOf(w.b1)).map(Math.tanh);
  return unit(plus(mixOf(chunks, w.mix), plus(times(hidden, w.w2, D), listOf(w.b2))));
}

function gruByHand(chunks: number[][], w: Record<'mix' | 'wx' | 'wh' | 'bx' | 'w' | 'b', Weight>): number[] {
  let state = [0, 0, 0];
  for (const chunk of chunks) {
    const x = plus(times(chunk, w.wx, 3 * H), listOf(w.bx));
    const fromState = times(state, w.wh, 3 * H);
    const z = [0, 1, 2].map((i) => sigmoid((x[i] ?? 0) + (fromState[i] ?? 0)));
    const r = [0, 1, 2].map((i) => sigmoid((x[H + i] ?? 0) + (fromState[H + i] ?? 0)));
    const gated = times(
      state.map((value, i) => value * (r[i] ?? 0)),
      w.wh,
      3 * H,
    );
    const fresh = [0, 1, 2].map((i) => Math.tanh((x[2 * H + i] ?? 0) + (gated[2 * H + i] ?? 0)));
    state = state.map((value, i) => (1 - (z[i] ?? 0)) * (fresh[i] ?? 0) + (z[i] ?? 0) * value);
  }
  return unit(plus(mixOf(chunks, w.mix), plus(times(state, w.w, D), listOf(w.b))));
}

describe('a predictor as ONNX', () => {
  const contexts = normalNoise(2 * 5 * D, 1, random);
  const [first, second] = [0, 1].map((n) =>
    Array.from({ length: 5 }, (_, i) => Array.from(contexts.slice((n * 5 + i) * D, (n * 5 + i + 1) * D))),
  );

  it.each<[string, () => { model: Uint8Array; byHand: (chunks: number[][]) => number[] }]>([
    [
      'AMN',
      () => {
        const w = { mix: weight(5), w1: weight(5 * D, H), b1: weight(H), w2: weight(H, D), b2: weight(D) };
        return { model: amnOnnx(D, w), byHand: (chunks) => amnByHand(chunks, w) };
      },
    ],
    [
      'GRU',
      () => {
        const w = {
          mix: weight(5),
          wx: weight(D, 3 * H),
          wh: weight(H, 3 * H),
          bx: weight(3 * H),
          w: weight(H, D),
          b: weight(D),
        };
        return { model: gruOnnx(D, w), byHand: (chunks) => gruByHand(chunks, w) };
      },
    ],
  ])('%s computes its formula, for two contexts at once as for one', async (_, make) => {
    const { model, byHand } = make();
    const predicted = await predict(model, contexts);
    const expected = [...byHand(first ?? []), ...byHand(second ?? [])];
    expect(predicted).toHaveLength(2 * D);
    for (const [i, value] of expected.entries()) expect(predicted[i]).toBeCloseTo(value, 5);
    expect(await predict(model, contexts.slice(0, 5 * D))).toEqual(predicted.slice(0, D));
  });

  it('is refused if it takes something else than five chunks', async () => {
    const file = join(folder, 'reranker.onnx');
    await writeFile(file, trainReranker([], 1));
    await expect(openPredictor(file)).rejects.toThrow(/reranker\.onnx takes \[.*4\], not \[N, 5, d\]/);
  });

  it('cannot be made of weights that lack one', () => {
    const weights: ModelWeights = { mix: weight(5) };
    expect(() => amnOnnx(D, weights)).toThrow(/lack w1/);
  });
});

describe('the reranker', () => {
  /** Eight candidates; the right one has the most local context, whatever its cosine. */
  const example = () => {
    const features = Float32Array.from({ length: 8 * FEATURES }, random);
    const locals = Array.from({ length: 8 }, (_, i) => features[i * FEATURES + 2] ?? 0);
    return { features, gold: locals.indexOf(Math.max(...locals)) };
  };

  it('learns what tells the right answer, and orders by it', async () => {
    const file = join(folder, 'trained.onnx');
    await writeFile(file, trainReranker(Array.from({ length: 300 }, example), 1));
    const reranker = await openReranker(file);
    const tests = Array.from({ length: 100 }, example);
    const scores = await Promise.all(tests.map(({ features }) => reranker.score(features)));
    const orders = scores.map(orderOf);
    await reranker.close();
    expect(orders[0]?.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(orders.filter((order, i) => order[0] === tests[i]?.gold).length).toBeGreaterThan(85);
  });

  it('is the same bytes for the same examples and seed', () => {
    const examples = Array.from({ length: 20 }, example);
    expect(trainReranker(examples, 3)).toEqual(trainReranker(examples, 3));
    expect(trainReranker(examples, 3)).not.toEqual(trainReranker(examples, 4));
  });

  it('[P3.3] sees cosine, margin, local context and diversity', () => {
    const vectors = Float32Array.from([1, 0, 0, 1]);
    const context = [Float32Array.from([1, 0]), Float32Array.from([0.6, 0.8])];
    const cosines = Float32Array.from([0.9, 0.5]);
    const features = rerankFeatures({ dimension: 2, cosines, vectors, context });
    const diversity = 1 - Math.SQRT1_2;
    const expected = [0.9, 0, 0.8, diversity, 0.5, 0.4, 0.4, diversity];
    for (const [i, value] of expected.entries()) expect(features[i]).toBeCloseTo(value, 5);
  });
});

describe('random numbers of a seed', () => {
  it('are a permutation that uses every number once', () => {
    const order = permutation(100, seededRandom(1));
    expect(order).not.toEqual(order.toSorted((a, b) => a - b));
    expect(new Set(order).size).toBe(100);
  });
});
