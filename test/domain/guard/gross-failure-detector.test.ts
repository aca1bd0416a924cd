import { describe, expect, it } from 'vitest';
import { isGrossFailure } from '../../../domain/guard/gross-failure-detector.ts';

const count = (hits: number, n: number) => ({ hits, n });

describe('the fast path, emergency line 1 %', () => {
  it.each<[string, ReturnType<typeof count>, ReturnType<typeof count>, boolean | null]>([
    ['[E3.1] is certain where a third fails and stable is well', count(20, 60), count(1, 1140), true],
    ['is certain of 15 % in a minute', count(9, 60), count(1, 1140), true],
    ['waits where one of 60 failed', count(1, 60), count(0, 1140), false],
    ['is not certain where stable fails as much', count(20, 60), count(380, 1140), false],
    ['does not know with 29 requests', count(29, 29), count(0, 1000), null],
    ['knows with 30', count(30, 30), count(0, 1000), true],
    ['does not know without stable in the same minutes', count(20, 60), count(0, 0), null],
  ])('%s', (_, candidate, stable, breach) => {
    expect(isGrossFailure({ candidate, stable }, 0.01)).toBe(breach);
  });
});
