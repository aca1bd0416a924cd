import { NAME_RULE, isName } from '../core/name.ts';

/** Input of the workflow `rollout`, with its defaults filled in. */
export interface RolloutInput {
  readonly service: string;
  readonly candidate: string;
  readonly plan: string;
}

const DEFAULTS: Readonly<Record<string, string>> = { service: 'retriever', plan: 'runbook-48h' };
const FIELDS = ['service', 'candidate', 'plan'] as const;

/** The input, or every problem with it by field. */
export function readRolloutInput(
  raw: unknown,
): { readonly input: RolloutInput } | { readonly problems: readonly string[] } {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    return { problems: ['the input must be an object like {"candidate":"retriever_v0"}'] };
  const given: Record<string, unknown> = { ...DEFAULTS, ...raw };
  const unknown = Object.keys(given).filter((name) => !(FIELDS as readonly string[]).includes(name));
  const problems = unknown.map((name) => `${name}: unknown field; there are ${FIELDS.join(', ')}`);
  for (const field of FIELDS) {
    const value = given[field];
    if (value === undefined) problems.push(`${field}: is missing`);
    else if (!isName(value)) problems.push(`${field}: ${NAME_RULE}, not ${JSON.stringify(value)}`);
  }
  if (problems.length > 0) return { problems };
  return {
    input: {
      service: String(given['service']),
      candidate: String(given['candidate']),
      plan: String(given['plan']),
    },
  };
}
