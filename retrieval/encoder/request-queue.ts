import { EncoderDeadlineError } from './errors.ts';
import type { EncodeItem } from './text-encoder.ts';

/** Somebody who waits for a text's vector. */
export interface Waiter {
  /** When the answer is of no use any more, on the pool's clock; Infinity for never. */
  readonly deadlineMs: number;
  resolve(vector: Float32Array<ArrayBuffer>): void;
  reject(error: unknown): void;
}

/** One text to encode, for all who want it. */
export interface EncodeJob {
  readonly key: string;
  readonly item: EncodeItem;
  waiters: Waiter[];
}

/** Texts that may run together in one padded batch. */
export const GROUP_LIMIT = 16;

/** Texts that no thread has taken yet, oldest first. */
export class RequestQueue {
  #jobs: EncodeJob[] = [];

  get size(): number {
    return this.#jobs.length;
  }

  add(job: EncodeJob): void {
    this.#jobs.push(job);
  }

  /**
   * Rejects whoever's deadline has passed with EncoderDeadlineError.
   * @returns the jobs for which nobody waits any more; they are out of the queue
   */
  dropExpired(nowMs: number): EncodeJob[] {
    for (const job of this.#jobs) {
      for (const { deadlineMs, reject } of job.waiters) {
        if (deadlineMs <= nowMs) reject(new EncoderDeadlineError(nowMs - deadlineMs));
      }
      job.waiters = job.waiters.filter(({ deadlineMs }) => deadlineMs > nowMs);
    }
    const dropped = this.#jobs.filter(({ waiters }) => waiters.length === 0);
    if (dropped.length > 0) this.#jobs = this.#jobs.filter(({ waiters }) => waiters.length > 0);
    return dropped;
  }

  /**
   * Takes the oldest text, so that none waits for ever, and with `batching` those of similar length that wait as well.
   * Empty where nothing waits.
   */
  takeGroup(batching: boolean): EncodeJob[] {
    const [oldest] = this.#jobs;
    if (!oldest) return [];
    const group = batching
      ? this.#jobs.filter((job) => isSimilar(job.item.text, oldest.item.text)).slice(0, GROUP_LIMIT)
      : [oldest];
    const taken = new Set(group);
    this.#jobs = this.#jobs.filter((job) => !taken.has(job));
    return group;
  }

  /** Empties the queue, rejecting everybody. */
  rejectAll(error: unknown): void {
    for (const { waiters } of this.#jobs.splice(0)) for (const { reject } of waiters) reject(error);
  }
}

/**
 * Whether padding the shorter text to the longer costs little. By bytes of UTF-8, of which a token has 3 to 5 in most
 * scripts: tokenising is the threads' work. Below 16 bytes, special tokens are most of a text anyway.
 */
function isSimilar(a: string, b: string): boolean {
  const [shorter = 0, longer = 0] = [Buffer.byteLength(a), Buffer.byteLength(b)].toSorted((x, y) => x - y);
  return longer <= 1.5 * shorter + 16;
}
