import { describe, expect, it } from 'vitest';
import { classify } from '../../../domain/check/classify.ts';
import type { Count } from '../../../domain/statistics/proportion.ts';
import { wilson } from '../../../domain/statistics/proportion.ts';
import { distanceOf } from '../../../domain/check/sensitivity.ts';
import type { Verdict } from '../../../domain/core/verdict.ts';

const LIMITS = { warn: 0.01, fail: 0.05, within: 0.01 };
const verdictAt = ({ hits, n }: Count): Verdict =>
  n < 100 ? 'inconclusive' : classify(LIMITS, () => wilson(hits, n, 2));
const say = (hits: number, n: number, grows = true) =>
  distanceOf({ count: { hits, n }, what: 'errors', grows }, verdictAt({ hits, n }), verdictAt);

describe('how far a verdict was from another one', () => {
  it.each([
    ['one that passes', 0, 1000, /^warn at (\d+) more errors$/],
    ['a warning', 40, 1000, /^no longer warn at (\d+) fewer errors$/],
    ['one that fails', 90, 1000, /^no longer fail at (\d+) fewer errors$/],
  ])('%s: so many, and not one less', (_, hits, n, words) => {
    const match = words.exec(say(hits, n) ?? '');
    const k = Number(match?.[1]);
    expect(k).toBeGreaterThan(0);
    const [at, before] = hits === 0 ? [hits + k, hits + k - 1] : [hits - k, hits - k + 1];
    expect(verdictAt({ hits: at, n })).not.toBe(verdictAt({ hits: before, n }));
  });

  it('of one that does not know says how many requests are missing, and what would be bad', () => {
    const words = say(0, 150) ?? '';
    const requests = Number(
      /^pass at (\d+) more requests like these, warn at \d+ more errors$/.exec(words)?.[1],
    );
    expect(verdictAt({ hits: 0, n: 150 + requests })).toBe('pass');
    expect(verdictAt({ hits: 0, n: 149 + requests })).not.toBe('pass');
  });

  it('says nothing of requests where waiting brings none', () => {
    expect(say(0, 150, false)).toMatch(/^warn at/);
  });

  it('is nothing where no count would change it', () => {
    expect(
      distanceOf({ count: { hits: 0, n: 50 }, what: 'errors', grows: false }, 'inconclusive', verdictAt),
    ).toBeNull();
  });
});
