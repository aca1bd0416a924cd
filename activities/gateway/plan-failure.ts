import { ApplicationFailure } from '@temporalio/activity';
import { PlanFileError } from '../../plan-files/read-files.ts';

/** A plan's or rules' file as an activity reads it: Temporal does not repeat what no retry can mend. */
export async function permanently<T>(type: 'WrongPlan' | 'WrongRules', reading: Promise<T>): Promise<T> {
  return reading.catch((error: unknown) => {
    throw error instanceof PlanFileError ? ApplicationFailure.nonRetryable(error.message, type) : error;
  });
}
