/** Worker thread of EncoderPool: onnxruntime-node runs on the thread that calls it, so the model lives here. */
import { workerData } from 'piscina';
import { EncoderError } from './errors.ts';
import { openTextEncoder } from './text-encoder.ts';
import type { EncodeItem, TextEncoder } from './text-encoder.ts';

/** An EncoderError would lose its class on its way between threads. */
export type Encoded =
  | { readonly kind: 'vectors'; readonly vectors: Float32Array<ArrayBuffer>[] }
  | { readonly kind: 'broken'; readonly reason: string };

let encoder: Promise<TextEncoder> | undefined;

export default async function encode(items: readonly EncodeItem[]): Promise<Encoded> {
  // Not at the module's load: what fails there ends the whole process, here it rejects one task.
  encoder ??= openTextEncoder(workerData);
  try {
    return { kind: 'vectors', vectors: await (await encoder).encodeTogether(items) };
  } catch (error) {
    if (error instanceof EncoderError) return { kind: 'broken', reason: error.message };
    throw error;
  }
}
