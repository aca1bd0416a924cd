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

const FIELDS = ['method', 'to', 'reason', 'by'] as const;

/**
 * The input out of whatever came: a rollback needs none, and a slip of the pen must not keep users on a bad release. What cannot be
 * used is left out, and `notes` say so, one sentence each. A release that is not there is the gateway's to refuse.
 */
export function readRollbackInput(raw: unknown): {
  readonly input: RollbackInput;
  readonly notes: readonly string[];
} {
  const given = raw ?? {};
  const shape = typeof given === 'object' && !Array.isArray(given) ? null : given;
  const fields: Record<string, unknown> = shape === null ? { ...given } : {};
  const notes = shape === null ? [] : [`the input is no object, but ${say(shape)}: ${useOf(shape)}`];
  for (const name of Object.keys(fields).filter((one) => !(FIELDS as readonly string[]).includes(one)))
    notes.push(`${name}: unknown field, left out; there are ${FIELDS.join(', ')}`);
  const text = (name: (typeof FIELDS)[number]): string | null => {
    const value = fields[name] ?? null;
    if (value === null) return null;
    if (typeof value === 'string' && value.trim() !== '') return value.trim();
    notes.push(`${name}: must be a text, not ${say(value)}; left out`);
    return null;
  };
  const asked = text('method');
  const method = ROLLBACK_METHODS.find((name) => name === asked) ?? 'release';
  if (asked !== null && asked !== method)
    notes.push(`method: must be one of ${ROLLBACK_METHODS.join(', ')}, not ${say(asked)}; ${method} is used`);
  const to = text('to');
  if (method === 'flags' && to !== null)
    notes.push(`to: ${say(to)} is left out, the method flags stays on the release that is there`);
  const reason = text('reason') ?? (typeof shape === 'string' && shape.trim() !== '' ? shape.trim() : null);
  return { input: { method, to: method === 'flags' ? null : to, reason, by: text('by') }, notes };
}

function useOf(shape: unknown): string {
  return typeof shape === 'string' ? 'taken as the reason' : 'left out';
}

const LONGEST = 80;

function say(value: unknown): string {
  const words = JSON.stringify(value) ?? String(value);
  return words.length > LONGEST ? `${words.slice(0, LONGEST)}…` : words;
}
