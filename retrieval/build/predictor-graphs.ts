import { CONTEXT_LENGTH } from '../evaluation/next-chunk.ts';
import { formatOnnx } from './onnx-graph.ts';
import type { GraphNode, Weight } from './onnx-graph.ts';

/** Weights by the names that scripts/training/train.py gives them. */
export type ModelWeights = Readonly<Record<string, Weight>>;

/**
 * AMN: normalize(Σ mixᵢ·cᵢ + W₂ tanh(W₁ [c₁…c₅] + b₁) + b₂), a learned mix of the context and what a small network
 * adds to it. Input [N, 5, d], output [N, d].
 */
export function amnOnnx(dimension: number, weights: ModelWeights): Uint8Array {
  const { mix, w1, b1, w2, b2 } = requireWeights(weights, ['mix', 'w1', 'b1', 'w2', 'b2']);
  return formatOnnx({
    name: 'amn_v0',
    ...shapes(dimension),
    weights: {
      ...mixWeights(mix),
      w1,
      b1,
      w2,
      b2,
      flat: { shape: [2], data: BigInt64Array.from([-1n, BigInt(CONTEXT_LENGTH * dimension)]) },
    },
    nodes: [
      { op: 'Reshape', inputs: ['context', 'flat'], output: 'joined' },
      { op: 'Gemm', inputs: ['joined', 'w1', 'b1'], output: 'inner' },
      { op: 'Tanh', inputs: ['inner'], output: 'hidden' },
      { op: 'Gemm', inputs: ['hidden', 'w2', 'b2'], output: 'residual' },
      ...mixPlusResidual(),
    ],
  });
}

/** GRU: normalize(Σ mixᵢ·cᵢ + h₅ W + b), h₅ the last state of a GRU over the context. Input [N, 5, d], output [N, d]. */
export function gruOnnx(dimension: number, weights: ModelWeights): Uint8Array {
  const { mix, wx, wh, bx, w, b } = requireWeights(weights, ['mix', 'wx', 'wh', 'bx', 'w', 'b']);
  const hidden = wh.shape[0] ?? 0;
  return formatOnnx({
    name: 'gru_v0',
    ...shapes(dimension),
    weights: {
      ...mixWeights(mix),
      // The operator wants [directions, 3*hidden, inputs] and both biases in one row.
      wx: transposed(wx),
      wh: transposed(wh),
      bx: {
        shape: [1, 6 * hidden],
        data: padded(bx, 6 * hidden),
      },
      w,
      b,
      direction: { shape: [1], data: BigInt64Array.from([0n]) },
    },
    nodes: [
      { op: 'Transpose', inputs: ['context'], output: 'steps', attributes: { perm: [1, 0, 2] } },
      {
        op: 'GRU',
        inputs: ['steps', 'wx', 'wh', 'bx'],
        output: ['', 'state'],
        attributes: { hidden_size: hidden, linear_before_reset: 0 },
      },
      { op: 'Squeeze', inputs: ['state', 'direction'], output: 'last' },
      { op: 'Gemm', inputs: ['last', 'w', 'b'], output: 'residual' },
      ...mixPlusResidual(),
    ],
  });
}

function shapes(dimension: number) {
  return {
    input: { name: 'context', shape: ['N', CONTEXT_LENGTH, dimension] },
    output: { name: 'predicted', shape: ['N', dimension] },
  };
}

function mixWeights({ data }: Weight): Record<string, Weight> {
  return {
    mix: { shape: [1, CONTEXT_LENGTH, 1], data },
    chunks: { shape: [1], data: BigInt64Array.from([1n]) },
  };
}

function mixPlusResidual(): GraphNode[] {
  return [
    { op: 'Mul', inputs: ['context', 'mix'], output: 'weighted' },
    { op: 'ReduceSum', inputs: ['weighted', 'chunks'], output: 'base', attributes: { keepdims: 0 } },
    { op: 'Add', inputs: ['base', 'residual'], output: 'sum' },
    { op: 'LpNormalization', inputs: ['sum'], output: 'predicted', attributes: { axis: -1, p: 2 } },
  ];
}

function padded({ data }: Weight, length: number): Float32Array {
  const all = new Float32Array(length);
  for (const [i, value] of data.entries()) all[i] = Number(value);
  return all;
}

function transposed({ shape: [rows = 0, columns = 0], data }: Weight): Weight {
  const turned = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      turned[column * rows + row] = Number(data[row * columns + column]);
    }
  }
  return { shape: [1, columns, rows], data: turned };
}

function requireWeights<Name extends string>(
  weights: ModelWeights,
  names: readonly Name[],
): Record<Name, Weight> {
  const found: Partial<Record<Name, Weight>> = {};
  for (const name of names) {
    const weight = weights[name];
    if (!weight) throw new Error(`the model's weights lack ${name}`);
    found[name] = weight;
  }
  // Every name was set above.
  return found as Record<Name, Weight>;
}
