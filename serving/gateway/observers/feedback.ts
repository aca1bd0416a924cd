import { appendFile, mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Orders } from '../../../domain/control/http.ts';
import { NEWEST_SPLIT, splitPoint } from '../../../domain/control/traffic-split.ts';
import type { Line } from '../../../platform/text/lines.ts';
import { linesOf } from '../../../platform/text/lines.ts';

const ordersSchema = z.object({
  plain: z.array(z.string()).readonly(),
  reranked: z.array(z.string()).readonly().nullable(),
});
const sampleSchema = z.object({
  requestId: z.string(),
  atMs: z.number(),
  lane: z.enum(['stable', 'candidate']),
  release: z.string(),
  orders: ordersSchema,
});
export type Sample = z.infer<typeof sampleSchema>;

export type Feedback =
  | {
      readonly outcome: 'counted';
      readonly sample: Sample;
      readonly plain: number;
      readonly reranked: number;
    }
  | { readonly outcome: 'notSampled' | 'unknown' | 'repeated' | 'notReranked' };

/** Percent of the requests whose two orders are kept. */
const SAMPLED_PERCENT = 1;
/** Feedback may be late by a day. */
const KEPT_MS = 24 * 3_600_000;
const HOUR_MS = 3_600_000;
/** Over a day about 140 requests/s of which one in a hundred is kept; beyond it the oldest go. */
const MOST = 120_000;

/** Whether a request's orders are kept: the same answer for the same id, wherever it is asked. */
export function isSampled(requestId: string): boolean {
  return splitPoint(NEWEST_SPLIT, 'feedback', requestId) < SAMPLED_PERCENT;
}

/** 1/rank of the id, 0 where it is not among them. */
function reciprocalRank(ids: readonly string[], id: string): number {
  const at = ids.indexOf(id);
  return at < 0 ? 0 : 1 / (at + 1);
}

/**
 * Orders of sampled requests, until their feedback comes. Kept in files of an hour each as well, so that a restart
 * forgets none; losing a few with the machine would not change a mean.
 */
export class FeedbackSamples {
  private readonly samples = new Map<string, Sample | 'counted'>();
  private readonly folder: string;
  private readonly now: () => number;
  private readonly onFault: (error: unknown) => void;
  private writing: Promise<void> = Promise.resolve();
  private hour = 0;

  private constructor(folder: string, now: () => number, onFault: (error: unknown) => void) {
    this.folder = folder;
    this.now = now;
    this.onFault = onFault;
  }

  /** Reads what an earlier gateway kept; a line that was cut off is passed over, and so is a folder that fails. */
  static async open(
    folder: string,
    now: () => number,
    onFault: (error: unknown) => void,
  ): Promise<FeedbackSamples> {
    const kept = new FeedbackSamples(folder, now, onFault);
    await kept.read().catch(onFault);
    return kept;
  }

  /** Keeps a request's orders. */
  remember(sample: Omit<Sample, 'atMs'>): void {
    const whole = { ...sample, atMs: this.now() };
    this.samples.set(sample.requestId, whole);
    this.write(whole.atMs, whole);
    const hour = Math.floor(whole.atMs / HOUR_MS);
    if (hour !== this.hour) this.forgetOld().catch(this.onFault);
    this.hour = hour;
    const [oldest] = this.samples.keys();
    if (this.samples.size > MOST && oldest !== undefined) this.samples.delete(oldest);
  }

  /** Scores the id that was right or clicked, once for each request. */
  recordFeedback(requestId: string, id: string): Feedback {
    if (!isSampled(requestId)) return { outcome: 'notSampled' };
    const sample = this.samples.get(requestId);
    if (sample === 'counted') return { outcome: 'repeated' };
    if (sample === undefined || this.now() - sample.atMs > KEPT_MS) return { outcome: 'unknown' };
    this.samples.set(requestId, 'counted');
    this.write(sample.atMs, { counted: requestId });
    const { plain, reranked } = sample.orders;
    if (reranked === null) return { outcome: 'notReranked' };
    return {
      outcome: 'counted',
      sample,
      plain: reciprocalRank(plain, id),
      reranked: reciprocalRank(reranked, id),
    };
  }

  /** Resolves when all is written. */
  async close(): Promise<void> {
    await this.writing;
  }

  private async read(): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    // A folder that can only be read keeps what is too old.
    await this.forgetOld().catch(this.onFault);
    for (const file of (await readdir(this.folder)).toSorted()) {
      const bytes = await readFile(join(this.folder, file));
      for (const line of linesOf(bytes, file)) this.restore(line);
    }
  }

  private restore(line: Line): void {
    let value: unknown;
    try {
      value = line.json();
    } catch {
      return;
    }
    const sample = sampleSchema.safeParse(value);
    if (sample.success) this.samples.set(sample.data.requestId, sample.data);
    const counted = z.object({ counted: z.string() }).safeParse(value);
    if (counted.success) this.samples.set(counted.data.counted, 'counted');
  }

  private write(atMs: number, value: object): void {
    const file = join(this.folder, `${Math.floor(atMs / HOUR_MS)}.jsonl`);
    this.writing = this.writing
      .then(async () => appendFile(file, `${JSON.stringify(value)}\n`))
      .catch(this.onFault);
  }

  /** Files and samples beyond a day. */
  private async forgetOld(): Promise<void> {
    const oldest = Math.floor((this.now() - KEPT_MS) / HOUR_MS);
    for (const file of await readdir(this.folder))
      if (Number.parseInt(file, 10) < oldest) await rm(join(this.folder, file));
    for (const [id, sample] of this.samples)
      if (sample !== 'counted' && this.now() - sample.atMs > KEPT_MS) this.samples.delete(id);
  }
}

/**
 * A sampled answer's body without the orders, which are the gateway's; null where it holds none.
 */
export function takeOrders(body: Buffer): { body: Buffer; orders: Orders } | null {
  const { orders, ...answer } = JSON.parse(body.toString('utf8')) as Record<string, unknown>;
  const parsed = ordersSchema.safeParse(orders);
  return parsed.success ? { body: Buffer.from(JSON.stringify(answer)), orders: parsed.data } : null;
}
