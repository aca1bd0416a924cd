import { describe, expect, it } from 'vitest';
import { EncoderDeadlineError } from '../../../retrieval/encoder/errors.ts';
import { GROUP_LIMIT, RequestQueue } from '../../../retrieval/encoder/request-queue.ts';

/** A queue in which one waits for each text, and who was rejected with what. */
function queueOf(...texts: [text: string, deadlineMs?: number][]) {
  const queue = new RequestQueue();
  const rejected: [string, unknown][] = [];
  for (const [text, deadlineMs = Infinity] of texts) {
    const waiter = {
      deadlineMs,
      resolve: () => {},
      reject: (error: unknown) => void rejected.push([text, error]),
    };
    queue.add({ key: text, item: { text, role: 'query' }, waiters: [waiter] });
  }
  return { queue, rejected };
}

const texts = (jobs: readonly { item: { text: string } }[]) => jobs.map(({ item }) => item.text);
const long = (letter: string) => letter.repeat(400);

describe('the texts that wait for a thread', () => {
  it('are taken one by one, oldest first, without batching', () => {
    const { queue } = queueOf(['a'], ['b'], ['c']);
    expect(texts(queue.takeGroup(false))).toEqual(['a']);
    expect(texts(queue.takeGroup(false))).toEqual(['b']);
    expect(queue.size).toBe(1);
  });

  it.each<[string, string[], string[]]>([
    ['all short ones', ['a', 'bb', 'three words here'], ['a', 'bb', 'three words here']],
    ['the oldest with its like', [long('a'), 'b', long('c'), 'd'], [long('a'), long('c')]],
    ['none that is half as long', [long('a'), 'b'.repeat(200)], [long('a')]],
    ['by bytes where characters have many', ['語'.repeat(130), long('b')], ['語'.repeat(130), long('b')]],
  ])('are taken in groups of similar length: %s', (_name, waiting, group) => {
    const { queue } = queueOf(...waiting.map((text): [string] => [text]));
    expect(texts(queue.takeGroup(true))).toEqual(group);
    expect(queue.size).toBe(waiting.length - group.length);
  });

  it('are at most so many in a group', () => {
    const { queue } = queueOf(...Array.from({ length: GROUP_LIMIT + 3 }, (_, i): [string] => [`text ${i}`]));
    expect(queue.takeGroup(true)).toHaveLength(GROUP_LIMIT);
    expect(queue.takeGroup(true)).toHaveLength(3);
  });

  it('are dropped at their deadline, the others stay', () => {
    const { queue, rejected } = queueOf(['late', 100], ['in time', 101], ['patient']);
    expect(texts(queue.dropExpired(100))).toEqual(['late']);
    expect(rejected).toEqual([['late', expect.any(EncoderDeadlineError)]]);
    expect(texts(queue.takeGroup(true))).toEqual(['in time', 'patient']);
  });

  it('stay for who has time when another of the same text has not', () => {
    const { queue, rejected } = queueOf(['shared', 100]);
    const [job] = queue.takeGroup(false);
    if (!job) throw new Error('one text waits');
    job.waiters.push({ deadlineMs: 500, resolve: () => {}, reject: () => {} });
    queue.add(job);
    expect(queue.dropExpired(200)).toEqual([]);
    expect(rejected).toHaveLength(1);
    expect(queue.size).toBe(1);
  });
});
