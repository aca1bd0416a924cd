import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { readEncoderManifest } from './manifest.ts';
import type { EncoderManifest } from './manifest.ts';

/** Queries and passages may carry other prefixes, as the model was trained. */
export type TextRole = 'query' | 'passage';

/** An encoder in this thread: `encode` blocks it while the model runs, so servers use EncoderPool. */
export interface TextEncoder {
  readonly manifest: EncoderManifest;
  /**
   * The text's vector, `manifest.dim` floats, of unit norm where the manifest says `normalize`. One text at a time:
   * dynamic int8 quantisation takes its scale from the whole batch, so a text's vector would depend on its neighbours.
   * @throws Error naming the dimension if the model's is not the manifest's
   */
  encode(text: string, role: TextRole): Promise<Float32Array<ArrayBuffer>>;
}

/** Loads tokenizer and model of an encoder's folder. One intra-op thread, as parallelism is across texts. */
export async function openTextEncoder(folder: string): Promise<TextEncoder> {
  const manifest = await readEncoderManifest(folder);
  const tokenizer = new Tokenizer(JSON.parse(await readFile(join(folder, 'tokenizer.json'), 'utf8')), {});
  const session = await InferenceSession.create(join(folder, 'model.onnx'), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  return {
    manifest,
    async encode(text, role) {
      const prefix = role === 'query' ? manifest.queryPrefix : manifest.passagePrefix;
      const ids = cut(tokenizer.encode(prefix + text).ids, manifest.maxTokens);
      const outputs = await session.run(inputsOf(session, ids));
      const output = outputs[manifest.output];
      if (!output) throw new Error(`${folder}/model.onnx has no output ${manifest.output}`);
      if (!(output.data instanceof Float32Array))
        throw new Error(`${manifest.output} of ${folder}/model.onnx holds ${output.type}, not float32`);
      const found = output.dims.at(-1);
      if (found !== manifest.dim)
        throw new Error(`${folder}/model.onnx gives ${found} dimensions, its manifest.json ${manifest.dim}`);
      const vector = manifest.pooling === 'mean' ? meanOf(output.data, manifest.dim) : output.data.slice();
      return manifest.normalize ? toUnitNorm(vector) : vector;
    },
  };
}

/** Keeps the closing special token of a text that is too long, as the model always saw one. */
function cut(ids: readonly number[], maxTokens: number): readonly number[] {
  return ids.length <= maxTokens ? ids : [...ids.slice(0, maxTokens - 1), ...ids.slice(-1)];
}

function inputsOf(session: InferenceSession, ids: readonly number[]): Record<string, Tensor> {
  const shape = [1, ids.length];
  const filled = (value: bigint) => new Tensor('int64', new BigInt64Array(ids.length).fill(value), shape);
  const all: Record<string, () => Tensor> = {
    input_ids: () => new Tensor('int64', BigInt64Array.from(ids, BigInt), shape),
    attention_mask: () => filled(1n),
    token_type_ids: () => filled(0n),
  };
  return Object.fromEntries(
    session.inputNames.map((name) => {
      const input = all[name];
      if (!input) throw new Error(`the encoder's model wants an input ${name}, which is not known here`);
      return [name, input()];
    }),
  );
}

/** Mean over the tokens; one text at a time has no padding, so the attention mask is all ones. */
function meanOf(tokens: Float32Array, dim: number): Float32Array<ArrayBuffer> {
  const mean = new Float32Array(dim);
  const count = tokens.length / dim;
  for (let i = 0; i < dim; i++) {
    let sum = 0;
    for (let token = 0; token < count; token++) sum += tokens[token * dim + i] ?? 0;
    mean[i] = sum / count;
  }
  return mean;
}

/** Divides by the L2 norm, in place. A zero vector stays zero: it has no direction, and the norm check names it. */
export function toUnitNorm(vector: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const norm = Math.hypot(...vector);
  if (norm > 0) for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] ?? 0) / norm;
  return vector;
}
