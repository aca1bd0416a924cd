/** Worker thread of EncoderPool: onnxruntime-node runs on the thread that calls it, so the model lives here. */
import { workerData } from 'piscina';
import { openTextEncoder } from './text-encoder.ts';
import type { TextEncoder, TextRole } from './text-encoder.ts';

export interface EncodeTask {
  readonly text: string;
  readonly role: TextRole;
}

let encoder: Promise<TextEncoder> | undefined;

export default async function encode({ text, role }: EncodeTask): Promise<Float32Array> {
  // Not at the module's load: what fails there ends the whole process, here it rejects one task.
  encoder ??= openTextEncoder(workerData);
  return (await encoder).encode(text, role);
}
