import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Projection } from './dense.ts';
import { readProjection } from './dense.ts';
import { readText } from '../../platform/text/utf8.ts';
import { EncoderError } from './errors.ts';
import { readEncoderManifest } from './manifest.ts';
import type { EncoderManifest } from './manifest.ts';
import { maskedMean, toUnitNorm } from './pooling.ts';

/** Queries and passages may carry other prefixes, as the model was trained. */
export type TextRole = 'query' | 'passage';

export interface EncodeItem {
  readonly text: string;
  readonly role: TextRole;
}

/** An encoder in this thread: it blocks while the model runs, so servers use EncoderPool. */
export interface TextEncoder {
  readonly manifest: EncoderManifest;
  /**
   * The text's vector, `manifest.dim` floats, of unit norm where the manifest says `normalize`.
   * @throws EncoderError naming what the model's output has that the manifest has not
   */
  encode(text: string, role: TextRole): Promise<Float32Array<ArrayBuffer>>;
  /**
   * The items' vectors out of one run, shorter texts padded to the longest. Only for models whose manifest says
   * `batching`: dynamic int8 quantisation takes its scale from the whole batch, so a text's vector would depend on
   * its neighbours.
   */
  encodeTogether(items: readonly EncodeItem[]): Promise<Float32Array<ArrayBuffer>[]>;
}

interface Model {
  readonly folder: string;
  readonly manifest: EncoderManifest;
  readonly tokenizer: Tokenizer;
  readonly session: InferenceSession;
  /** What tokenizer.json pads with. The attention mask hides it: it only has to be a token that the model knows. */
  readonly padId: number;
  readonly project: Projection;
}

/** Loads tokenizer and model of an encoder's folder. One intra-op thread, as parallelism is across texts. */
export async function openTextEncoder(folder: string): Promise<TextEncoder> {
  const manifest = await readEncoderManifest(folder);
  const tokenizerJson = JSON.parse(await readText(join(folder, 'tokenizer.json')));
  const model: Model = {
    folder,
    manifest,
    tokenizer: new Tokenizer(tokenizerJson, {}),
    session: await InferenceSession.create(join(folder, 'model.onnx'), {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
    }),
    padId: Number(tokenizerJson.padding?.pad_id ?? 0),
    project: await readProjection(folder, manifest),
  };
  const encodeTogether = (items: readonly EncodeItem[]) => runModel(model, items);
  return {
    manifest,
    encodeTogether,
    async encode(text, role) {
      const [vector] = await encodeTogether([{ text, role }]);
      return vector ?? new Float32Array();
    },
  };
}

async function runModel(model: Model, items: readonly EncodeItem[]): Promise<Float32Array<ArrayBuffer>[]> {
  const { folder, manifest, tokenizer, session } = model;
  const rows = items.map(({ text, role }) => {
    const prefix = role === 'query' ? manifest.queryPrefix : manifest.passagePrefix;
    return cut(tokenizer.encode(prefix + text).ids, manifest.maxTokens);
  });
  const outputs = await session.run(inputsOf(model, rows));
  const output = outputs[manifest.output];
  if (!output) throw new EncoderError(`${folder}/model.onnx has no output ${manifest.output}`);
  const values = checkedValues(model, output, rows);
  const tokens = values.length / rows.length / manifest.dim;
  return rows.map(({ length }, row) => {
    const own = values.slice(row * tokens * manifest.dim, (row + 1) * tokens * manifest.dim);
    const vector = manifest.pooling === 'mean' ? maskedMean(own, length, manifest.dim) : own;
    const projected = model.project(vector);
    return manifest.normalize ? toUnitNorm(projected) : projected;
  });
}

/** Keeps the closing special token of a text that is too long, as the model always saw one. */
function cut(ids: readonly number[], maxTokens: number): readonly number[] {
  return ids.length <= maxTokens ? ids : [...ids.slice(0, maxTokens - 1), ...ids.slice(-1)];
}

/** The rows padded on the right to the longest, with the mask that says so. */
function inputsOf(
  { folder, session, padId }: Model,
  rows: readonly (readonly number[])[],
): Record<string, Tensor> {
  const longest = Math.max(...rows.map(({ length }) => length));
  const filled = (valueAt: (ids: readonly number[], i: number) => number) => {
    const data = rows.flatMap((ids) => Array.from({ length: longest }, (_, i) => BigInt(valueAt(ids, i))));
    return new Tensor('int64', BigInt64Array.from(data), [rows.length, longest]);
  };
  const all: Record<string, () => Tensor> = {
    input_ids: () => filled((ids, i) => ids[i] ?? padId),
    attention_mask: () => filled((ids, i) => (i < ids.length ? 1 : 0)),
    token_type_ids: () => filled(() => 0),
  };
  return Object.fromEntries(
    session.inputNames.map((name) => {
      const input = all[name];
      if (!input)
        throw new EncoderError(`${folder}/model.onnx wants an input ${name}, which is not known here`);
      return [name, input()];
    }),
  );
}

/** The output's values, once its type and shape are [texts, dim] or, before pooling, [texts, tokens, dim]. */
function checkedValues(
  { folder, manifest }: Model,
  output: Tensor,
  rows: readonly (readonly number[])[],
): Float32Array<ArrayBuffer> {
  if (!(output.data instanceof Float32Array))
    throw new EncoderError(`${manifest.output} of ${folder}/model.onnx holds ${output.type}, not float32`);
  const found = output.dims.at(-1);
  if (found !== manifest.dim)
    throw new EncoderError(
      `${folder}/model.onnx gives ${found} dimensions, its manifest.json ${manifest.dim}`,
    );
  const tokens = manifest.pooling === 'mean' ? [Math.max(...rows.map(({ length }) => length))] : [];
  const wanted = [rows.length, ...tokens, manifest.dim];
  if (output.dims.join() !== wanted.join())
    throw new EncoderError(
      `${manifest.output} of ${folder}/model.onnx has the shape [${output.dims.join()}], not [${wanted.join()}]`,
    );
  return output.data as Float32Array<ArrayBuffer>;
}
