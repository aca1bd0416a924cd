import type { Histogram } from './histogram.ts';
import { EMPTY, plus, scaled, total } from './histogram.ts';
import type { Count } from '../statistics/proportion.ts';
import type { LaneWindow } from './window.ts';

/**
 * Queries of one kind are like each other, and so are texts that a cache answers: strata. The split is by user, and a user may send
 * one kind alone, so the lanes differ in how many of each they get. Stable is therefore compared as if its queries came in the
 * candidate's proportions: direct standardisation (K. J. Rothman et al., Modern Epidemiology, chapter 3).
 */
export type Strata<T> = Readonly<Record<string, T>>;

/** What remains of stable's size once its strata are weighted (L. Kish, Survey Sampling, 1965): all of it where both mixes are equal. */
function effectiveSize(pairs: readonly { readonly weight: number; readonly n: number }[]): number {
  const all = pairs.reduce((sum, { weight }) => sum + weight, 0);
  return all ** 2 / pairs.reduce((sum, { weight, n }) => sum + weight ** 2 / n, 0);
}

/**
 * Stable's count in the candidate's proportions. A stratum that stable does not have counts as stable does in all; null where it has
 * none at all.
 */
export function alikeCount(candidate: Strata<Count>, stable: Strata<Count>): Count | null {
  const pooled = Object.values(stable).reduce(
    (sum, { hits, n }) => ({ hits: sum.hits + hits, n: sum.n + n }),
    {
      hits: 0,
      n: 0,
    },
  );
  if (pooled.n === 0) return null;
  const pairs = Object.entries(candidate).flatMap(([name, { n: weight }]) => {
    const of = stable[name];
    const { hits, n } = of === undefined || of.n === 0 ? pooled : of;
    return weight === 0 ? [] : [{ weight, n, share: hits / n }];
  });
  if (pairs.length === 0 || Object.values(stable).length === 1) return pooled;
  const size = effectiveSize(pairs);
  const weights = pairs.reduce((sum, { weight }) => sum + weight, 0);
  const share = pairs.reduce((sum, of) => sum + of.weight * of.share, 0) / weights;
  return { hits: share * size, n: size };
}

/** Both lanes' latencies over the strata that both have: the candidate's as they are, stable's in the candidate's proportions. */
export function alikeLatencies(
  candidate: Strata<Histogram>,
  stable: Strata<Histogram>,
): { readonly candidate: Histogram; readonly stable: Histogram } {
  const pairs = Object.entries(candidate).flatMap(([name, of]) => {
    const control = stable[name] ?? EMPTY;
    const [weight, n] = [total(of), total(control)];
    return weight === 0 || n === 0 ? [] : [{ of, control, weight, n }];
  });
  const weights = pairs.reduce((sum, { weight }) => sum + weight, 0);
  const size = pairs.length === 0 ? 0 : effectiveSize(pairs);
  return {
    candidate: pairs.map(({ of }) => of).reduce(plus, EMPTY),
    stable:
      pairs.length === 1
        ? (pairs[0]?.control ?? EMPTY)
        : pairs
            .map(({ control, weight, n }) => scaled(control, (weight / n) * (size / weights)))
            .reduce(plus, EMPTY),
  };
}

type Counted = Pick<LaneWindow, 'errors' | 'kinds'>;

/** Stable's errors in the proportions of the candidate's kinds. */
export function alikeErrors(candidate: Counted, stable: Counted): Count {
  const errors = (lane: Counted) => byKind(lane.kinds, (kind) => kind.errors);
  return alikeCount(errors(candidate), errors(stable)) ?? stable.errors;
}

/** One value of each kind of queries. */
export function byKind<K, T>(kinds: Readonly<Record<string, K>>, of: (kind: K) => T): Strata<T> {
  return Object.fromEntries(Object.entries(kinds).map(([kind, counters]) => [kind, of(counters)]));
}
