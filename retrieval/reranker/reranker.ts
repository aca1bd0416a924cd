import { InferenceSession, Tensor } from 'onnxruntime-node';
import { readGraphFile, refuseExternal } from '../onnx/graph-file.ts';
import { FEATURES } from './features.ts';

/** A model that scores candidates by their features. Runs in the caller's thread, well under 1 ms for 50. */
export interface Reranker {
  /** A score for each of n candidates; higher is better. `features`: n*4 floats. */
  score(features: Float32Array): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Loads a reranker: features [N, 4] to scores [N, 1].
 * @throws Error naming the file and its shape if it takes another
 */
export async function openReranker(file: string): Promise<Reranker> {
  refuseExternal(file, (await readGraphFile(file)).external);
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const [input] = session.inputMetadata;
  const [output] = session.outputNames;
  if (!input?.isTensor || output === undefined || input.shape.at(-1) !== FEATURES)
    throw new Error(`${file} does not take [N, ${FEATURES}]`);
  return {
    async score(features) {
      const n = features.length / FEATURES;
      const tensor = new Tensor('float32', features, [n, FEATURES]);
      const scores = (await session.run({ [input.name]: tensor }))[output]?.data;
      if (!(scores instanceof Float32Array) || scores.length !== n)
        throw new Error(`${file} does not give one score for each of ${n} candidates`);
      return scores;
    },
    close: () => session.release(),
  };
}

/** Positions of the candidates (0..n-1), best first; equal scores keep their order. */
export function orderOf(scores: Float32Array): number[] {
  return [...scores.keys()].toSorted((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
}
