import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { EncodeThreads } from './encode-threads.ts';
import { EncoderBusyError } from './errors.ts';
import type { EncodeJob, Waiter } from './request-queue.ts';
import { RequestQueue } from './request-queue.ts';
import type { TextRole } from './text-encoder.ts';

/** Counters since the start, and the texts that wait for a thread now. */
export interface EncoderStats {
  /** Texts that needed no run of their own: from the cache, or with a run that somebody else had asked for. */
  readonly hits: number;
  readonly misses: number;
  readonly queued: number;
}

export interface CachedEncoderOptions {
  /** Texts that may wait for a thread. */
  readonly maxQueued: number;
  /** Vectors kept; the least recently used goes first. */
  readonly cacheEntries: number;
  /** Whether texts of similar length run together when several wait. */
  readonly batching: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Texts in one request. */
export const ENCODE_BATCH_LIMIT = 64;

/** Cache, queue and threads. A text is in one of three places: the cache, the queue, or a thread. */
export class CachedEncoder {
  readonly #cache: LRUCache<string, Float32Array<ArrayBuffer>>;
  readonly #queue = new RequestQueue();
  /** All that wait or run. */
  readonly #underWay = new Map<string, EncodeJob>();
  readonly #threads: EncodeThreads;
  readonly #options: CachedEncoderOptions;
  #running = 0;
  #hits = 0;
  #misses = 0;
  #closed = false;

  constructor(threads: EncodeThreads, options: CachedEncoderOptions) {
    this.#threads = threads;
    this.#options = options;
    this.#cache = new LRUCache({ max: options.cacheEntries });
  }

  async encode(
    texts: readonly string[],
    role: TextRole,
    deadlineMs: number,
    onRun?: () => void,
  ): Promise<Float32Array<ArrayBuffer>[]> {
    if (texts.length > ENCODE_BATCH_LIMIT)
      throw new RangeError(`${texts.length} texts at once, at most ${ENCODE_BATCH_LIMIT} may be`);
    if (this.#closed) throw closedError();
    const keyed = texts.map((text) => ({ text, key: keyOf(text, role) }));
    this.#admit(keyed.map(({ key }) => key));
    if (keyed.some(({ key }) => !this.#cache.has(key))) onRun?.();
    const vectors = keyed.map(({ text, key }) => this.#request(key, { text, role }, deadlineMs));
    this.#dispatch();
    return Promise.all(vectors);
  }

  stats(): EncoderStats {
    return { hits: this.#hits, misses: this.#misses, queued: this.#queue.size };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#queue.rejectAll(closedError());
    await this.#threads.close();
  }

  /** Throws EncoderBusyError where the new ones among the texts do not all find room in the queue. */
  #admit(keys: readonly string[]): void {
    this.#dropExpired();
    const fresh = new Set(keys.filter((key) => !this.#cache.has(key) && !this.#underWay.has(key)));
    const free = this.#threads.count - this.#running;
    const queued = this.#queue.size;
    if (fresh.size > 0 && queued + fresh.size > this.#options.maxQueued + free)
      throw new EncoderBusyError(queued, this.#options.maxQueued);
  }

  #request(key: string, item: EncodeJob['item'], deadlineMs: number): Promise<Float32Array<ArrayBuffer>> {
    const cached = this.#cache.get(key);
    const job = cached ? undefined : this.#underWay.get(key);
    if (cached || job) this.#hits++;
    else this.#misses++;
    if (cached) return Promise.resolve(cached.slice());
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { deadlineMs, resolve, reject };
      if (job) job.waiters.push(waiter);
      else this.#begin({ key, item, waiters: [waiter] });
    });
  }

  #begin(job: EncodeJob): void {
    this.#underWay.set(job.key, job);
    this.#queue.add(job);
  }

  #dropExpired(): void {
    for (const { key } of this.#queue.dropExpired(this.#options.now())) this.#underWay.delete(key);
  }

  /** Gives each free thread a group. The only place from which the model runs. */
  #dispatch(): void {
    this.#dropExpired();
    while (this.#running < this.#threads.count && this.#queue.size > 0)
      void this.#run(this.#queue.takeGroup(this.#options.batching));
  }

  async #run(group: readonly EncodeJob[]): Promise<void> {
    this.#running++;
    try {
      const vectors = await this.#threads.run(group.map(({ item }) => item));
      for (const [i, { key, waiters }] of group.entries()) {
        const vector = vectors[i] ?? new Float32Array();
        this.#cache.set(key, vector);
        // A copy each: what a caller does to its vector must not reach the next one's.
        for (const { resolve } of waiters) resolve(vector.slice());
      }
    } catch (error) {
      for (const { waiters } of group) for (const { reject } of waiters) reject(error);
    } finally {
      this.#running--;
      for (const { key } of group) this.#underWay.delete(key);
      this.#dispatch();
    }
  }
}

/** A digest, as a text may be a megabyte and the cache is bounded by its entries. */
function keyOf(text: string, role: TextRole): string {
  return createHash('sha256').update(`${role}\0${text}`).digest('base64');
}

function closedError(): Error {
  return new Error('the encoder is closed');
}
