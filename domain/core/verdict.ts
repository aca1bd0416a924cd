export type Verdict = 'green' | 'warn' | 'red' | 'unknown';

/** The worst of several verdicts; `unknown` of none. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  return WORST_FIRST.find((verdict) => verdicts.includes(verdict)) ?? 'unknown';
}

/** Worst first: a red decides over all, and what is not known is never outvoted by what is green. */
const WORST_FIRST: readonly Verdict[] = ['red', 'warn', 'unknown', 'green'];
