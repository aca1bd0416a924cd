import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { Encoded } from './encode-thread.ts';
import { EncoderError } from './errors.ts';
import type { EncodeItem } from './text-encoder.ts';

/** The threads of an EncoderPool. */
export interface EncodeThreads {
  readonly count: number;
  /**
   * The items' vectors, from one padded batch of the model.
   * @throws EncoderError if the folder's model is not what its manifest says
   */
  run(items: readonly EncodeItem[]): Promise<Float32Array<ArrayBuffer>[]>;
  close(): Promise<void>;
}

/** Starts `count` worker threads; each loads the encoder of this folder with its first task. */
export function startEncodeThreads(folder: string, count: number): EncodeThreads {
  const { filename, execArgv } = threadModule('./encode-thread');
  const threads = new Piscina<readonly EncodeItem[], Encoded>({
    filename,
    execArgv,
    workerData: folder,
    minThreads: count,
    maxThreads: count,
    idleTimeout: Infinity,
    // A vector is copied in microseconds; the atomics of the alternative keep a thread's timers from firing.
    atomics: 'disabled',
  });
  return {
    count,
    async run(items) {
      const encoded = await threads.run(items);
      if (encoded.kind === 'broken') throw new EncoderError(encoded.reason);
      return encoded.vectors;
    },
    close: () => threads.destroy(),
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
