import { processClock } from '../process-clock.ts';
import type { CachedEncoderOptions, EncoderStats } from './cached-encoder.ts';
import { CachedEncoder } from './cached-encoder.ts';
import { startEncodeThreads } from './encode-threads.ts';
import type { EncoderManifest } from './manifest.ts';
import { readEncoderManifest } from './manifest.ts';
import { checkEncoder } from './start-check.ts';
import type { TextRole } from './text-encoder.ts';

export interface EncodeOptions {
  /** Of `processClock`, in ms: a text that still waits for a thread by then is dropped. Never where absent. */
  readonly deadlineMs?: number;
  /** Called where a text is not in the cache, so that its caller waits for a run of the model. */
  readonly onRun?: () => void;
}

/** An encoder in worker threads, so that no event loop stands still while the model runs. */
export interface EncoderPool {
  readonly manifest: EncoderManifest;
  /**
   * The text's vector, `manifest.dim` floats, a copy that is the caller's own. The same text always gives the same
   * vector, whatever runs beside it: bit by bit, or within 1e-5 where the manifest allows `batching`.
   * @throws EncoderBusyError if too many texts wait already; EncoderDeadlineError if the deadline passed in the queue
   */
  encode(text: string, role: TextRole, options?: EncodeOptions): Promise<Float32Array<ArrayBuffer>>;
  /**
   * The texts' vectors in their order; all or none are taken on.
   * @throws RangeError for more than ENCODE_BATCH_LIMIT texts; else as `encode`
   */
  encodeBatch(
    texts: readonly string[],
    role: TextRole,
    options?: EncodeOptions,
  ): Promise<Float32Array<ArrayBuffer>[]>;
  stats(): EncoderStats;
  /** Ends the threads. What waits or runs is rejected. */
  close(): Promise<void>;
}

/** Half a second of short queries for one thread of the sample's encoder: later ones are rejected at once. */
const MAX_QUEUED = 256;
/** 3 MB of the sample's vectors, 6 MB at 768 dimensions. */
const CACHE_ENTRIES = 2048;

/**
 * Starts `threads` worker threads, each with the encoder of this folder, and checks that it is what its manifest says.
 * Texts run one at a time, with `batching: false` even where the manifest allows groups.
 * @throws EncoderError naming file and field of a manifest.json that is not valid, or what a vector of the model has
 *   wrong: dimension, norm, golden values, or that it depends on its neighbours in a batch
 */
export async function openEncoderPool(
  folder: string,
  threads: number,
  options: Partial<CachedEncoderOptions> = {},
): Promise<EncoderPool> {
  const manifest = await readEncoderManifest(folder);
  const started = startEncodeThreads(folder, threads);
  try {
    await checkEncoder(folder, manifest, started);
  } catch (error) {
    await started.close();
    throw error;
  }
  const pool = new CachedEncoder(started, {
    maxQueued: options.maxQueued ?? MAX_QUEUED,
    cacheEntries: options.cacheEntries ?? CACHE_ENTRIES,
    batching: manifest.batching === true && options.batching !== false,
    now: options.now ?? processClock.now,
  });
  return {
    manifest,
    encode: async (text, role, { deadlineMs = Infinity, onRun } = {}) => {
      const [vector] = await pool.encode([text], role, deadlineMs, onRun);
      return vector ?? new Float32Array();
    },
    encodeBatch: (texts, role, { deadlineMs = Infinity } = {}) => pool.encode(texts, role, deadlineMs),
    stats: () => pool.stats(),
    close: () => pool.close(),
  };
}
