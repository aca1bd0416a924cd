import { InferenceSession, Tensor } from 'onnxruntime-node';
import { CONTEXT_LENGTH } from '../evaluation/next-chunk.ts';
import { readGraphFile, refuseExternal } from '../onnx/graph-file.ts';

/** A model that maps five context vectors to the next chunk's vector. Runs in the caller's thread, well under 1 ms. */
export interface Predictor {
  readonly dimension: number;
  /**
   * @param contexts n contexts of five vectors each: n*5*dimension floats
   * @returns n*dimension floats
   */
  predict(contexts: Float32Array): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Loads a predictor: one input [1 or N, 5, d], one output [.., d], whatever their names.
 * @throws Error naming the file and its shapes if they are others, or the file with weights that it needs beside it
 */
export async function openPredictor(file: string): Promise<Predictor> {
  const { inputs, external } = await readGraphFile(file);
  refuseExternal(file, external);
  const fixed = inputs[0]?.shape[0] ?? null;
  if (fixed !== null && fixed !== 1)
    throw new Error(
      `${file} takes ${fixed} contexts at once only; export it with a dynamic first axis: ` +
        `dynamic_axes={'${inputs[0]?.name}': {0: 'N'}} of torch.onnx.export`,
    );
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const [input] = session.inputMetadata;
  const [output] = session.outputNames;
  if (!input?.isTensor || output === undefined) throw new Error(`${file} has no tensor input or no output`);
  const [batch, length, dimension] = input.shape;
  if (length !== CONTEXT_LENGTH || typeof dimension !== 'number')
    throw new Error(`${file} takes [${input.shape.join(', ')}], not [N, ${CONTEXT_LENGTH}, d]`);
  const run = async (contexts: Float32Array, n: number) => {
    const tensor = new Tensor('float32', contexts, [n, CONTEXT_LENGTH, dimension]);
    const data = (await session.run({ [input.name]: tensor }))[output]?.data;
    if (!(data instanceof Float32Array) || data.length !== n * dimension)
      throw new Error(`${file} does not answer ${n} contexts with ${n} vectors of ${dimension} floats`);
    return data;
  };
  return {
    dimension,
    async predict(contexts) {
      const size = CONTEXT_LENGTH * dimension;
      const n = contexts.length / size;
      // A model exported for one context at a time is asked so.
      if (batch !== 1 || n === 1) return run(contexts, n);
      const all = new Float32Array(n * dimension);
      for (let i = 0; i < n; i++)
        all.set(await run(contexts.slice(i * size, (i + 1) * size), 1), i * dimension);
      return all;
    },
    close: () => session.release(),
  };
}
