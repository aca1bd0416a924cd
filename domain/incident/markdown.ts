/** What the drafts of a rollout's and of an incident's post-mortem share. */
export const DRAFT_NOTE =
  'A draft with what was measured. The questions at its end are for the people who were there.';

/** A text as a cell of a markdown table. */
export function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/** Names and values as the lines of a markdown table without a head. */
export function factLines(facts: readonly (readonly [string, string])[]): string[] {
  return ['| | |', '| --- | --- |', ...facts.map(([name, value]) => `| ${name} | ${cell(value)} |`)];
}

/** The last section: questions with boxes to tick. */
export function toFillIn(questions: readonly string[]): string[] {
  return ['## To be filled in', '', ...questions.map((question) => `- [ ] ${question}`), ''];
}
