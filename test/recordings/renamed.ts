/** Names that the recordings have, and what they are called by now, in the order in which they were given. */
const RENAMED: readonly (readonly [RegExp, string])[] = [
  // An alert that is about no evaluation says so.
  [/"why":null,"toldEvaluationMs":null/g, '"why":null,"evaluationMs":null,"toldEvaluationMs":null'],
];

/** A recorded line in today's words. */
export function asNow(line: string): string {
  return RENAMED.reduce((text, [from, to]) => text.replaceAll(from, to), line);
}
