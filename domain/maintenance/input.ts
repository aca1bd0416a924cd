import type { InputResult } from '../core/input-reader.ts';
import { oneOf, readFields } from '../core/input-reader.ts';

/** Input of the workflow `weeklyMaintenance`, with its defaults filled in. */
export interface WeeklyInput {
  /** `whenChanged`: no release where neither corpus nor reranker nor lists changed. */
  readonly publish: 'always' | 'whenChanged';
}

/** The input, or every problem with it by field. Nothing, null and {} publish always. */
export function readWeeklyInput(raw: unknown): InputResult<WeeklyInput> {
  const about = { fields: ['publish'], example: '{"publish":"whenChanged"}' };
  return readFields(raw, about, (field) => ({
    publish: field('publish', oneOf('always', 'whenChanged'), 'always'),
  }));
}
