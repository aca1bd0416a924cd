import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { EncodeTask } from './encode-thread.ts';
import type { EncoderManifest } from './manifest.ts';
import { readEncoderManifest } from './manifest.ts';
import type { TextRole } from './text-encoder.ts';

/** An encoder in worker threads, so that no event loop stands still while the model runs. */
export interface EncoderPool {
  readonly manifest: EncoderManifest;
  /** The text's vector, `manifest.dim` floats. The same text always gives the same vector, whatever runs beside it. */
  encode(text: string, role: TextRole): Promise<Float32Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/**
 * Starts `threads` worker threads, each with the encoder of this folder.
 * @throws Error naming file and field of a manifest.json that is not valid; a model that does not load shows at the
 *   first `encode`
 */
export async function openEncoderPool(folder: string, threads: number): Promise<EncoderPool> {
  const manifest = await readEncoderManifest(folder);
  const { filename, execArgv } = threadModule('./encode-thread');
  const pool = new Piscina<EncodeTask, Float32Array<ArrayBuffer>>({
    filename,
    execArgv,
    workerData: folder,
    minThreads: threads,
    maxThreads: threads,
    idleTimeout: Infinity,
    // 384 floats are copied in microseconds; the atomics of the alternative keep a thread's timers from firing.
    atomics: 'disabled',
  });
  return {
    manifest,
    encode: (text, role) => pool.run({ text, role }),
    close: () => pool.destroy(),
  };
}

/** A worker thread's file beside this one: TypeScript in a clone, plain JavaScript once built. */
function threadModule(name: string): { filename: string; execArgv: string[] } {
  const beside = (file: string) => new URL(file, import.meta.url);
  if (!import.meta.url.endsWith('.ts'))
    return { filename: fileURLToPath(beside(`${name}.js`)), execArgv: [] };
  return {
    filename: fileURLToPath(beside(`${name}.ts`)),
    execArgv: ['--import', beside('./tsx-in-threads.mjs').href],
  };
}
