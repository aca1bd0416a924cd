export type Verdict = 'pass' | 'warn' | 'fail' | 'inconclusive';

/** As decision records of the version before spell them. */
const OLDER: Readonly<Record<string, Verdict>> = { green: 'pass', red: 'fail', unknown: 'inconclusive' };

/** The verdict of a decision record, in either spelling. */
export function readVerdict(recorded: string): Verdict {
  return OLDER[recorded] ?? (recorded as Verdict);
}

/** The worst of several verdicts; `unknown` of none. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  return WORST_FIRST.find((verdict) => verdicts.includes(verdict)) ?? 'inconclusive';
}

/** Worst first: a fail decides over all, and what is inconclusive is never outvoted by what passes. */
const WORST_FIRST: readonly Verdict[] = ['fail', 'warn', 'inconclusive', 'pass'];
