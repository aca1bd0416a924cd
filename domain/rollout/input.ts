import type { InputResult } from '../core/input-reader.ts';
import { aName, readFields } from '../core/input-reader.ts';

/** Input of the workflow `rollout`, with its defaults filled in. */
export interface RolloutInput {
  readonly service: string;
  readonly candidate: string;
  readonly plan: string;
}

/** The input, or every problem with it by field. */
export function readRolloutInput(raw: unknown): InputResult<RolloutInput> {
  const about = { fields: ['service', 'candidate', 'plan'], example: '{"candidate":"retriever_v0"}' };
  return readFields(raw, about, (field) => ({
    service: field('service', aName, 'retriever'),
    candidate: field('candidate', aName),
    plan: field('plan', aName, 'runbook-48h'),
  }));
}
