import { beforeEach, describe, expect, it } from 'vitest';
import { CachedEncoder, ENCODE_BATCH_LIMIT } from '../../../retrieval/encoder/cached-encoder.ts';
import type { CachedEncoderOptions } from '../../../retrieval/encoder/cached-encoder.ts';
import { EncoderBusyError, EncoderDeadlineError } from '../../../retrieval/encoder/errors.ts';
import type { EncodeItem } from '../../../retrieval/encoder/text-encoder.ts';

/** What the threads were given, in groups of texts; each group is answered by `finish`. */
let ran: string[][];
let unfinished: (() => void)[];
let clockMs: number;
beforeEach(() => {
  ran = [];
  unfinished = [];
  clockMs = 0;
});

/** Threads that hold every group until `finish`. A text's vector is its length. */
function encoderWith(options: Partial<CachedEncoderOptions> = {}, count = 1): CachedEncoder {
  const run = async (items: readonly EncodeItem[]) => {
    ran.push(items.map(({ text }) => text));
    await new Promise<void>((resolve) => void unfinished.push(resolve));
    if (items.some(({ text }) => text === 'broken')) throw new Error('the model failed');
    return items.map(({ text }) => Float32Array.of(text.length));
  };
  const threads = { count, run, close: () => Promise.resolve() };
  return new CachedEncoder(threads, {
    maxQueued: 8,
    cacheEntries: 8,
    batching: false,
    now: () => clockMs,
    ...options,
  });
}

/** Lets threads finish whatever they have, and what they then take. */
async function finish(): Promise<void> {
  while (unfinished.length > 0) {
    for (const resolve of unfinished.splice(0)) resolve();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The error of a request that is expected to fail, noted from its beginning. */
const failureOf = (request: Promise<unknown>) =>
  request.then(
    () => null,
    (error: unknown) => error,
  );

const ask = (encoder: CachedEncoder, text: string, deadlineMs = Infinity) =>
  encoder.encode([text], 'query', deadlineMs);

describe('a text that was encoded before', () => {
  it('is answered without another run, and counted', async () => {
    const encoder = encoderWith();
    const first = ask(encoder, 'tides');
    await finish();
    expect(await ask(encoder, 'tides')).toEqual(await first);
    expect(ran).toEqual([['tides']]);
    expect(encoder.stats()).toEqual({ hits: 1, misses: 1, queued: 0 });
  });

  it('is another one as a passage', async () => {
    const encoder = encoderWith();
    const both = [ask(encoder, 'tides'), encoder.encode(['tides'], 'passage', Infinity)];
    await finish();
    await Promise.all(both);
    expect(ran).toHaveLength(2);
  });

  it('is run again when more than the cache holds came after it', async () => {
    const encoder = encoderWith({ cacheEntries: 2 });
    for (const text of ['a', 'b', 'a', 'c', 'a', 'b']) {
      const answer = ask(encoder, text);
      await finish();
      await answer;
    }
    expect(ran.flat()).toEqual(['a', 'b', 'c', 'b']);
  });

  it('keeps its vector, whatever a caller does to the one it got', async () => {
    const encoder = encoderWith();
    const both = [ask(encoder, 'tides'), ask(encoder, 'tides')];
    await finish();
    const [[first] = [], [second] = []] = await Promise.all(both);
    first?.fill(99);
    expect(second).toEqual(Float32Array.of(5));
    const [third] = await ask(encoder, 'tides');
    expect(third).toEqual(Float32Array.of(5));
    third?.fill(99);
    expect(await ask(encoder, 'tides')).toEqual([Float32Array.of(5)]);
  });

  it('is not kept where the model failed: the next request runs it again', async () => {
    const encoder = encoderWith();
    for (const _ of [1, 2]) {
      const failed = failureOf(ask(encoder, 'broken'));
      await finish();
      expect(await failed).toEqual(new Error('the model failed'));
    }
    expect(ran).toHaveLength(2);
  });
});

describe('requests at the same time', () => {
  it('share one run of the same text', async () => {
    const encoder = encoderWith();
    const all = [1, 2, 3].map(() => ask(encoder, 'tides'));
    await finish();
    expect(await Promise.all(all)).toEqual([1, 2, 3].map(() => [Float32Array.of(5)]));
    expect(ran).toEqual([['tides']]);
    expect(encoder.stats()).toEqual({ hits: 2, misses: 1, queued: 0 });
  });

  it('run one text each without batching, as many as there are threads', async () => {
    const encoder = encoderWith({}, 2);
    const all = ['a', 'b', 'c'].map((text) => ask(encoder, text));
    expect(ran).toEqual([['a'], ['b']]);
    expect(encoder.stats().queued).toBe(1);
    await finish();
    await Promise.all(all);
    expect(ran).toEqual([['a'], ['b'], ['c']]);
  });

  it('run together with batching when they have waited, those of similar length', async () => {
    const encoder = encoderWith({ batching: true });
    const long = 'long '.repeat(50);
    const all = ['first', 'second', long, 'third'].map((text) => ask(encoder, text));
    await finish();
    expect(ran).toEqual([['first'], ['second', 'third'], [long]]);
    const answers = await Promise.all(all);
    expect(answers.flat().map(([length]) => length)).toEqual([5, 6, 250, 5]);
  });
});

describe('a deadline', () => {
  it('that passes in the queue drops the text: it never runs', async () => {
    const encoder = encoderWith();
    const first = ask(encoder, 'first');
    const late = failureOf(ask(encoder, 'late', 50));
    clockMs = 60;
    await finish();
    await first;
    expect(await late).toBeInstanceOf(EncoderDeadlineError);
    expect(ran).toEqual([['first']]);
  });

  it('has no effect once the text runs, nor where it is met', async () => {
    const encoder = encoderWith();
    const all = [ask(encoder, 'first', 50), ask(encoder, 'second', 200)];
    clockMs = 60;
    await finish();
    expect(await Promise.all(all)).toHaveLength(2);
  });

  it('frees its place in the queue for others', async () => {
    const encoder = encoderWith({ maxQueued: 1 });
    const first = ask(encoder, 'first');
    const late = failureOf(ask(encoder, 'late', 50));
    clockMs = 60;
    const third = ask(encoder, 'third');
    expect(await late).toMatchObject({ lateMs: 10 });
    await finish();
    await Promise.all([first, third]);
    expect(ran).toEqual([['first'], ['third']]);
  });
});

describe('a queue that is full', () => {
  it('refuses the next text with its numbers, and takes it once there is room', async () => {
    const encoder = encoderWith({ maxQueued: 2 });
    const taken = ['a', 'b', 'c'].map((text) => ask(encoder, text));
    const refused = ask(encoder, 'd');
    await expect(refused).rejects.toThrow(EncoderBusyError);
    await expect(refused).rejects.toMatchObject({ queued: 2, limit: 2 });
    await finish();
    await Promise.all(taken);
    const again = ask(encoder, 'd');
    await finish();
    await again;
    expect(ran.flat()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('still answers what is cached or runs already', async () => {
    const encoder = encoderWith({ maxQueued: 0 });
    const all = [ask(encoder, 'a'), ask(encoder, 'a')];
    await expect(ask(encoder, 'b')).rejects.toThrow(EncoderBusyError);
    await finish();
    expect(await Promise.all(all)).toHaveLength(2);
  });

  it('takes on all texts of a batch or none', async () => {
    const encoder = encoderWith({ maxQueued: 2 });
    const tooMany = encoder.encode(['a', 'b', 'c', 'd'], 'query', Infinity);
    await expect(tooMany).rejects.toThrow(EncoderBusyError);
    expect(ran).toEqual([]);
    const repeated = encoder.encode(['a', 'b', 'a', 'c', 'a'], 'query', Infinity);
    await finish();
    expect(await repeated).toHaveLength(5);
  });
});

describe('a batch', () => {
  it('keeps the order of its texts, from the cache or not', async () => {
    const encoder = encoderWith({ batching: true });
    const before = ask(encoder, 'four');
    await finish();
    await before;
    const batch = encoder.encode(['a', 'four', 'ccc', 'bb', 'a'], 'query', Infinity);
    await finish();
    expect((await batch).map(([length]) => length)).toEqual([1, 4, 3, 2, 1]);
    expect(encoder.stats()).toEqual({ hits: 2, misses: 4, queued: 0 });
  });

  it('has a limit, and may be empty', async () => {
    const encoder = encoderWith({ maxQueued: 100 });
    const texts = Array.from({ length: ENCODE_BATCH_LIMIT + 1 }, (_, i) => `text ${i}`);
    await expect(encoder.encode(texts, 'query', Infinity)).rejects.toThrow('65 texts at once, at most 64');
    expect(await encoder.encode([], 'query', Infinity)).toEqual([]);
    const most = encoder.encode(texts.slice(1), 'query', Infinity);
    await finish();
    expect(await most).toHaveLength(ENCODE_BATCH_LIMIT);
  });
});

it('rejects what waits when it is closed, and what comes afterwards', async () => {
  const encoder = encoderWith();
  const running = ask(encoder, 'running');
  const waiting = failureOf(ask(encoder, 'waiting'));
  await encoder.close();
  expect(await waiting).toEqual(new Error('the encoder is closed'));
  await expect(ask(encoder, 'later')).rejects.toThrow('the encoder is closed');
  await finish();
  await running;
  expect(ran).toEqual([['running']]);
});
