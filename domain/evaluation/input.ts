import type { FieldRule, InputResult } from '../core/input-reader.ts';
import { aName, orNull, readFields } from '../core/input-reader.ts';
import { MOST_SHARDS } from './shards.ts';

/** Input of the workflow `evaluation`, with its defaults filled in. */
export interface EvaluationInput {
  /** Null: what stable serves. */
  readonly release: string | null;
  /** Null: by the number of queries. */
  readonly shards: number | null;
}

const COUNT: FieldRule<number> = {
  expected: `a whole number from 1 to ${MOST_SHARDS}`,
  fits: (value): value is number =>
    Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MOST_SHARDS,
};

/** The input, or every problem with it by field. Nothing, null and {} are the nightly evaluation of stable. */
export function readEvaluationInput(raw: unknown): InputResult<EvaluationInput> {
  const about = { fields: ['release', 'shards'], example: '{"release":"retriever_v0"}' };
  return readFields(raw, about, (field) => ({
    release: field('release', orNull(aName), null),
    shards: field('shards', orNull(COUNT), null),
  }));
}
