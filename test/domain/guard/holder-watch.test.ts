import { describe, expect, it } from 'vitest';
import type { ControlState } from '../../../domain/control/state.ts';
import { firstState } from '../../../domain/control/apply-command.ts';
import type { HolderAlert } from '../../../domain/guard/holder-watch.ts';
import { holderStep, holderNotified, unseenForMs } from '../../../domain/guard/holder-watch.ts';

const SEEN_MS = 1_000_000;
const LIMITS = { unseenMs: 180_000, repeatAfterMs: 4 * 3_600_000 };
const first = firstState({ release: 'v-1', flags: null }, 0);
const ALL: ControlState = {
  ...first,
  epoch: 3,
  owner: 'rollout/run',
  percent: 100,
  holderSeenMs: SEEN_MS,
  lanes: { ...first.lanes, candidate: { release: 'v0', flags: null } },
};

/** What is sent while a webhook takes every message, with looks at these times after the last sign of life. */
function sent(looks: readonly (readonly [afterMs: number, state: ControlState])[]) {
  let alert: HolderAlert | null = null;
  const messages = [];
  for (const [afterMs, state] of looks) {
    const step = holderStep(alert, state, LIMITS, SEEN_MS + afterMs);
    alert = step.alert;
    if (step.due === null || alert === null) continue;
    messages.push(step.due);
    alert = holderNotified(alert, SEEN_MS + afterMs);
  }
  return { alert, messages };
}

describe('a holder who is not seen', () => {
  it.each<[string, Partial<ControlState>, number]>([
    ['at 100 %', {}, 180_000],
    ['at 5 %', { percent: 5 }, 180_000],
    ['of a candidate without users', { percent: 0 }, 0],
    ['after the promotion', { percent: 0, lanes: first.lanes }, 0],
    ['who was never seen', { holderSeenMs: null, changedAtMs: SEEN_MS - 1_000 }, 181_000],
  ])('%s is unseen for so long', (_, of, unseenMs) => {
    expect(unseenForMs({ ...ALL, ...of }, SEEN_MS + 180_000)).toBe(unseenMs);
  });

  it('is no alert before the limit, and one at it: who, for how long, and how users come back', () => {
    expect(sent([[179_999, ALL]])).toEqual({ alert: null, messages: [] });
    const { messages } = sent([
      [180_000, ALL],
      [200_000, ALL],
    ]);
    expect(messages).toMatchObject([{ severity: 'critical' }]);
    expect(messages[0]?.title).toContain('v0, which has 100 % of the users');
    expect(messages[0]?.text).toMatch(/rollout\/run \(epoch 3\) gave no sign of life for 3 min/);
    expect(messages[0]?.text).toMatch(/no lease: nothing takes these users back by itself/);
    expect(messages[0]?.text).toMatch(/: `bash scripts\/rollback_retriever\.sh v-1`$/);
  });

  it('is said again every four hours, each time by another key', () => {
    const hours = (n: number) => 180_000 + n * 3_600_000;
    const { messages } = sent([0, 1, 3.99, 4, 5, 8].map((n) => [hours(n), ALL] as const));
    expect(messages).toHaveLength(3);
    expect(new Set(messages.map(({ dedupeKey }) => dedupeKey)).size).toBe(3);
  });

  it.each<[string, Partial<ControlState>, RegExp]>([
    ['that the holder is back', { holderSeenMs: SEEN_MS + 200_000 }, /watched again/],
    ['that another one took the epoch', { holderSeenMs: SEEN_MS + 200_000, owner: 'next' }, /watched again/],
    ['that the candidate has no users any more', { percent: 0 }, /no longer an unwatched candidate/],
  ])('is over once, with %s', (_, of, title) => {
    const over = { ...ALL, ...of };
    const { alert, messages } = sent([
      [180_000, ALL],
      [200_001, over],
      [200_002, over],
    ]);
    expect(messages).toMatchObject([
      { severity: 'critical' },
      { severity: 'info', title: expect.stringMatching(title) },
    ]);
    expect(alert).toBeNull();
  });

  it('is due until the message was taken, and over without a word where it never was', () => {
    const one = holderStep(null, ALL, LIMITS, SEEN_MS + 180_000);
    const two = holderStep(one.alert, ALL, LIMITS, SEEN_MS + 240_000);
    expect(two.due?.dedupeKey).toBe(one.due?.dedupeKey);
    expect(holderStep(two.alert, { ...ALL, percent: 0 }, LIMITS, SEEN_MS + 250_000)).toEqual({
      alert: null,
      due: null,
    });
  });
});
