import type { onnx as proto } from 'onnx-proto';
import onnxProto from 'onnx-proto';

const { onnx } = onnxProto;

/** IR 8 and opset 17 are read by every onnxruntime since 1.12. */
const IR_VERSION = 8;
const OPSET = 17;

type Dimension = number | string;

/** One operator. An input or output is a name; inputs may be weights. */
export interface GraphNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string | readonly string[];
  /** Integers, lists of integers, or text. */
  readonly attributes?: Readonly<Record<string, number | readonly number[] | string>>;
}

export interface Weight {
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

export interface Graph {
  readonly name: string;
  readonly input: { readonly name: string; readonly shape: readonly Dimension[] };
  readonly output: { readonly name: string; readonly shape: readonly Dimension[] };
  readonly weights: Readonly<Record<string, Weight>>;
  readonly nodes: readonly GraphNode[];
}

/** The bytes of an ONNX model with one float32 input and one float32 output. */
export function formatOnnx(graph: Graph): Uint8Array {
  const { input, output } = graph;
  const model = onnx.ModelProto.create({
    irVersion: IR_VERSION,
    producerName: 'retriever-rollout',
    opsetImport: [{ domain: '', version: OPSET }],
    graph: {
      name: graph.name,
      input: [valueInfo(input.name, input.shape)],
      output: [valueInfo(output.name, output.shape)],
      initializer: Object.entries(graph.weights).map(([name, weight]) => tensor(name, weight)),
      node: graph.nodes.map(nodeOf),
    },
  });
  return onnx.ModelProto.encode(model).finish();
}

/**
 * A model with nodes behind its last one: what that gave as `output` is now called `renamed`, and the added nodes make
 * `output` out of it.
 */
export function appendToOnnx(
  bytes: Uint8Array,
  {
    output,
    renamed,
    nodes,
    weights,
  }: Pick<Graph, 'nodes' | 'weights'> & { readonly output: string; readonly renamed: string },
): Uint8Array {
  const model = onnx.ModelProto.decode(bytes);
  const { graph } = model;
  const last = graph?.node?.find((node) => node.output?.includes(output));
  if (!graph || !last) throw new Error(`the model has no node that gives ${output}`);
  last.output = [renamed];
  graph.node = [...(graph.node ?? []), ...nodes.map(nodeOf)];
  const added = Object.entries(weights).map(([name, weight]) => tensor(name, weight));
  graph.initializer = [...(graph.initializer ?? []), ...added];
  return onnx.ModelProto.encode(model).finish();
}

function nodeOf(node: GraphNode): proto.INodeProto {
  return {
    opType: node.op,
    input: [...node.inputs],
    output: typeof node.output === 'string' ? [node.output] : [...node.output],
    attribute: Object.entries(node.attributes ?? {}).map(attribute),
  };
}

function valueInfo(name: string, shape: readonly Dimension[]): proto.IValueInfoProto {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: onnx.TensorProto.DataType.FLOAT, shape: { dim } } } };
}

function tensor(name: string, { shape, data }: Weight): proto.ITensorProto {
  const { FLOAT, INT64 } = onnx.TensorProto.DataType;
  return {
    name,
    dims: [...shape],
    dataType: data instanceof Float32Array ? FLOAT : INT64,
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}

function attribute([name, value]: [string, number | readonly number[] | string]): proto.IAttributeProto {
  const { INT, INTS, STRING } = onnx.AttributeProto.AttributeType;
  if (typeof value === 'number') return { name, type: INT, i: value };
  if (typeof value === 'string') return { name, type: STRING, s: Buffer.from(value) };
  return { name, type: INTS, ints: [...value] };
}
