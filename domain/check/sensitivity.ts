import type { Count } from '../statistics/proportion.ts';
import type { Verdict } from '../core/verdict.ts';

/** What a row counts, so that it can be said what a few more of them would have meant. */
interface Counted {
  readonly count: Count;
  /** What the hits are, e.g. `errors`. */
  readonly what: string;
  /** Waiting brings more requests; the labelled queries are as many as there are. */
  readonly grows: boolean;
}

/** No row is waited for longer than this many times what it has seen. */
const LONGEST = 1000;

/**
 * How far a verdict was from another one: `fail at 12 more errors` (of the same requests), `pass at 300 more requests like
 * these`, `no longer fail at 4 fewer errors`. Null where no such change would make another one.
 */
export function distanceOf(
  { count, what, grows }: Counted,
  verdict: Verdict,
  verdictAt: (count: Count) => Verdict,
): string | null {
  const { hits, n } = count;
  if (n === 0) return null;
  if (verdict === 'warn' || verdict === 'fail') {
    const fewer = least(hits, (k) => verdictAt({ hits: hits - k, n }) !== verdict);
    return fewer === null ? null : `no longer ${verdict} at ${fewer} fewer ${what}`;
  }
  const parts: string[] = [];
  if (verdict === 'inconclusive' && grows) {
    const requests = least(n * LONGEST, (m) => verdictAt({ hits: hits * (1 + m / n), n: n + m }) === 'pass');
    if (requests !== null) parts.push(`pass at ${requests} more requests like these`);
  }
  const decided = (k: number) => ['warn', 'fail'].includes(verdictAt({ hits: hits + k, n }));
  const more = least(n - hits, decided);
  if (more !== null) parts.push(`${verdictAt({ hits: hits + more, n })} at ${more} more ${what}`);
  return parts.length === 0 ? null : parts.join(', ');
}

/** The least whole number of 1..most for which a test holds that, once true, stays true; null where it never does. */
function least(most: number, test: (k: number) => boolean): number | null {
  if (most < 1 || !test(most)) return null;
  let [low, high] = [0, most];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (test(middle)) high = middle;
    else low = middle;
  }
  return high;
}
