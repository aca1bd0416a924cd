import { NAME_RULE, isName } from '../core/name.ts';
import { MOST_SHARDS } from './shards.ts';

/** Input of the workflow `evaluation`, with its defaults filled in. */
export interface EvaluationInput {
  /** Null: what stable serves. */
  readonly release: string | null;
  /** Null: by the number of queries. */
  readonly shards: number | null;
}

const FIELDS = ['release', 'shards'];

/** The input, or every problem with it by field. Nothing, null and {} are the nightly evaluation of stable. */
export function readEvaluationInput(
  raw: unknown,
): { readonly input: EvaluationInput } | { readonly problems: readonly string[] } {
  if (raw === undefined || raw === null) return { input: { release: null, shards: null } };
  if (typeof raw !== 'object' || Array.isArray(raw))
    return { problems: ['the input must be an object like {"release":"retriever_v0"}'] };
  const given: Record<string, unknown> = { ...raw };
  const problems = Object.keys(given)
    .filter((name) => !FIELDS.includes(name))
    .map((name) => `${name}: unknown field; there are ${FIELDS.join(', ')}`);
  const { release = null, shards = null } = given;
  if (release !== null && !isName(release))
    problems.push(`release: ${NAME_RULE}, not ${JSON.stringify(release)}`);
  const isCount =
    typeof shards === 'number' && Number.isInteger(shards) && shards >= 1 && shards <= MOST_SHARDS;
  if (shards !== null && !isCount)
    problems.push(`shards: must be a whole number from 1 to ${MOST_SHARDS}, not ${JSON.stringify(shards)}`);
  if (problems.length > 0) return { problems };
  return {
    input: {
      release: isName(release) ? release : null,
      shards: isCount ? shards : null,
    },
  };
}
