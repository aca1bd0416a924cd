/** P95 <= L is the same as: at most 5 % are slower than L; that is a share, and so has an interval. */
export const SLOWER_SHARE = 0.05;

/** What is slower than a P95: by so much at least in both terms, since a few percent of a fast lane are the machine's noise. */
export interface SlowerBy {
  readonly ratio: number;
  readonly excessMs: number;
}

/** The runbook's: 15 %, and the ms that no user notices. */
export const SLOWER: SlowerBy = { ratio: 1.15, excessMs: 1 };

/** The limit in ms that lies so much above a P95. */
export function slowerLimitMs(p95Ms: number, { ratio, excessMs }: SlowerBy = SLOWER): number {
  return Math.max(p95Ms * ratio, p95Ms + excessMs);
}
