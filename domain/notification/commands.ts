/** A command as a message shows it: code in Markdown, which Slack renders and a reader can copy. */
export function asCode(command: string): string {
  return `\`${command}\``;
}

/** What takes users back without Temporal and without the worker, as code; null: the operator has to name the release. */
export function rollbackCommand(release: string | null): string {
  return asCode(`bash scripts/rollback_retriever.sh ${release ?? 'RELEASE'}`);
}
