import type { DecisionRecord } from '../rollout/decision-record.ts';

/** A line of a decision log: each hash covers its record and the line before, so that none can be changed unseen. */
export interface DecisionLine {
  readonly prev: string;
  readonly hash: string;
  readonly record: DecisionRecord;
}

/** What stands before the first line. */
export const NO_LINE = '0'.repeat(64);

/** The line for a record behind `prev`; `sha256` gives the hex digest of a text. */
export function lineOf(record: DecisionRecord, prev: string, sha256: (text: string) => string): DecisionLine {
  return { prev, hash: sha256(`${prev}\n${JSON.stringify(record)}`), record };
}

/** What is wrong with a log, as a sentence; null where every line is as it was written, and in its place. */
export function chainProblem(
  lines: readonly DecisionLine[],
  sha256: (text: string) => string,
): string | null {
  let prev = NO_LINE;
  for (const [i, line] of lines.entries()) {
    if (line.prev !== prev) return `line ${i + 1} does not follow the line before: one was removed or moved`;
    if (lineOf(line.record, prev, sha256).hash !== line.hash) return `line ${i + 1} is not as it was written`;
    prev = line.hash;
  }
  return null;
}
