/** How users are taken back: the release before, the fallback model without the reranker, or the Deployment before. */
export const ROLLBACK_METHODS = ['release', 'flags', 'kubernetes'] as const;
type RollbackMethod = (typeof ROLLBACK_METHODS)[number];

/** Input of the workflow `rollback`, with its defaults filled in. */
export interface RollbackInput {
  readonly method: RollbackMethod;
  /** The release to go back to; null: the one that users would miss. */
  readonly to: string | null;
  readonly reason: string | null;
  readonly by: string | null;
}

/** The service that a rollback's id names; null where the id has another shape, which says nothing of one. */
export function serviceOfRollback(workflowId: string): string | null {
  return /^rollback\/([A-Za-z0-9][A-Za-z0-9._-]*)$/.exec(workflowId)?.[1] ?? null;
}

const FIELDS = ['method', 'to', 'reason', 'by'];

/** The input, or what is wrong with it by field. Nothing at all is an input too: a rollback needs none. */
export function readRollbackInput(
  raw: unknown,
): { readonly input: RollbackInput } | { readonly problem: string } {
  const given = raw ?? {};
  if (typeof given !== 'object' || Array.isArray(given))
    return { problem: 'the input must be an object like {"to":"v-1"}' };
  const fields: Record<string, unknown> = { ...given };
  const unknown = Object.keys(fields).filter((name) => !FIELDS.includes(name));
  if (unknown.length > 0)
    return { problem: `${unknown.join(', ')}: unknown field; there are ${FIELDS.join(', ')}` };
  const wrong = FIELDS.find((name) => {
    const value = fields[name] ?? null;
    return value !== null && (typeof value !== 'string' || value === '');
  });
  if (wrong !== undefined)
    return { problem: `${wrong}: must be a text, not ${JSON.stringify(fields[wrong])}` };
  const text = (name: string) => (fields[name] === undefined ? null : (fields[name] as string | null));
  const method = ROLLBACK_METHODS.find((name) => name === (text('method') ?? 'release'));
  if (method === undefined)
    return { problem: `method: must be one of ${ROLLBACK_METHODS.join(', ')}, not ${text('method')}` };
  if (method === 'flags' && text('to') !== null)
    return { problem: 'to: the method flags stays on the release that is there' };
  return { input: { method, to: text('to'), reason: text('reason'), by: text('by') } };
}
