import { FEATURES } from '../reranker/features.ts';
import { formatOnnx } from './onnx-graph.ts';
import { normalNoise, permutation, seededRandom } from './random.ts';

/** The candidates of one query: n*4 features, and which of them was the right answer. */
export interface RankedExample {
  readonly features: Float32Array;
  readonly gold: number;
}

const HIDDEN = 16;
const EPOCHS = 60;
const BATCH = 32;
const RATE = 3e-3;
const DECAY = 1e-3;
/** Adam's usual constants. */
const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];

/** w1 [4, 16], b1 [16] and w2 [16] in one array, so that one loop updates them all. */
const B1 = FEATURES * HIDDEN;
const W2 = B1 + HIDDEN;
const WEIGHTS = W2 + HIDDEN;

interface Scaling {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/**
 * Trains score = w2 · tanh(w1 · features + b1) by the cross-entropy of the right candidate among a query's candidates
 * (listwise softmax) with Adam. The same examples and seed give the same bytes.
 * @returns an ONNX model, features [N, 4] to scores [N, 1], with the features' scaling folded into its first layer
 */
export function trainReranker(examples: readonly RankedExample[], seed: number): Uint8Array {
  const random = seededRandom(seed);
  const scaling = scalingOf(examples);
  const scaled = examples.map(({ features, gold }) => ({ features: scale(features, scaling), gold }));
  const weights = new Float64Array(WEIGHTS);
  weights.set(normalNoise(B1, 0.5, random));
  const first = new Float64Array(WEIGHTS);
  const second = new Float64Array(WEIGHTS);
  let step = 0;
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    const order = permutation(scaled.length, random);
    for (let begin = 0; begin < order.length; begin += BATCH) {
      const batch = order.slice(begin, begin + BATCH).flatMap((i) => scaled[i] ?? []);
      const gradient = new Float64Array(WEIGHTS);
      for (const example of batch) addGradient(gradient, weights, example, 1 / batch.length);
      adamStep(weights, gradient, first, second, ++step);
    }
  }
  return toOnnx(weights, scaling);
}

function scalingOf(examples: readonly RankedExample[]): Scaling {
  const column = (feature: number) =>
    examples.flatMap(({ features }) => Array.from(features).filter((_, i) => i % FEATURES === feature));
  const moments = Array.from({ length: FEATURES }, (_, feature) => {
    const values = column(feature);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    return { mean, deviation: Math.sqrt(variance) || 1 };
  });
  return { mean: moments.map(({ mean }) => mean), deviation: moments.map(({ deviation }) => deviation) };
}

function scale(features: Float32Array, { mean, deviation }: Scaling): Float32Array {
  return features.map((value, i) => (value - (mean[i % FEATURES] ?? 0)) / (deviation[i % FEATURES] ?? 1));
}

/** Adds one query's gradient of the loss, times `weight`. */
function addGradient(
  gradient: Float64Array,
  weights: Float64Array,
  { features, gold }: RankedExample,
  weight: number,
): void {
  const n = features.length / FEATURES;
  const hidden = new Float64Array(n * HIDDEN);
  const scores = Array.from({ length: n }, (_, i) => forward(weights, features, i, hidden));
  const best = Math.max(...scores);
  const shares = scores.map((score) => Math.exp(score - best));
  const total = shares.reduce((sum, share) => sum + share, 0);
  for (let i = 0; i < n; i++) {
    const error = weight * ((shares[i] ?? 0) / total - Number(i === gold));
    for (let h = 0; h < HIDDEN; h++) {
      const active = hidden[i * HIDDEN + h] ?? 0;
      const inner = error * (weights[W2 + h] ?? 0) * (1 - active ** 2);
      gradient[W2 + h] = (gradient[W2 + h] ?? 0) + error * active;
      gradient[B1 + h] = (gradient[B1 + h] ?? 0) + inner;
      for (let f = 0; f < FEATURES; f++) {
        const at = f * HIDDEN + h;
        gradient[at] = (gradient[at] ?? 0) + inner * (features[i * FEATURES + f] ?? 0);
      }
    }
  }
}

/** Score of candidate i; leaves its hidden layer in `hidden`. */
function forward(weights: Float64Array, features: Float32Array, i: number, hidden: Float64Array): number {
  let score = 0;
  for (let h = 0; h < HIDDEN; h++) {
    let sum = weights[B1 + h] ?? 0;
    for (let f = 0; f < FEATURES; f++)
      sum += (features[i * FEATURES + f] ?? 0) * (weights[f * HIDDEN + h] ?? 0);
    const active = Math.tanh(sum);
    hidden[i * HIDDEN + h] = active;
    score += active * (weights[W2 + h] ?? 0);
  }
  return score;
}

function adamStep(
  weights: Float64Array,
  gradient: Float64Array,
  first: Float64Array,
  second: Float64Array,
  step: number,
): void {
  for (const [i, weight] of weights.entries()) {
    const slope = (gradient[i] ?? 0) + DECAY * weight;
    const mean = BETA1 * (first[i] ?? 0) + (1 - BETA1) * slope;
    const square = BETA2 * (second[i] ?? 0) + (1 - BETA2) * slope ** 2;
    first[i] = mean;
    second[i] = square;
    const spread = Math.sqrt(square / (1 - BETA2 ** step)) + EPSILON;
    weights[i] = weight - (RATE * (mean / (1 - BETA1 ** step))) / spread;
  }
}

/** w1·(x−mean)/deviation + b1 is another affine map of x: the model takes features as they are. */
function toOnnx(weights: Float64Array, { mean, deviation }: Scaling): Uint8Array {
  const w1 = new Float32Array(B1);
  const b1 = Float64Array.from(weights.subarray(B1, W2));
  for (let f = 0; f < FEATURES; f++) {
    for (let h = 0; h < HIDDEN; h++) {
      const slope = (weights[f * HIDDEN + h] ?? 0) / (deviation[f] ?? 1);
      w1[f * HIDDEN + h] = slope;
      b1[h] = (b1[h] ?? 0) - slope * (mean[f] ?? 0);
    }
  }
  return formatOnnx({
    name: 'reranker',
    input: { name: 'features', shape: ['N', FEATURES] },
    output: { name: 'scores', shape: ['N', 1] },
    weights: {
      w1: { shape: [FEATURES, HIDDEN], data: w1 },
      b1: { shape: [HIDDEN], data: Float32Array.from(b1) },
      w2: { shape: [HIDDEN, 1], data: Float32Array.from(weights.subarray(W2)) },
    },
    nodes: [
      { op: 'Gemm', inputs: ['features', 'w1', 'b1'], output: 'inner' },
      { op: 'Tanh', inputs: ['inner'], output: 'hidden' },
      { op: 'MatMul', inputs: ['hidden', 'w2'], output: 'scores' },
    ],
  });
}
