import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import type { ExperimentInput } from '../../domain/experiment/input.ts';
import { readExperimentInput } from '../../domain/experiment/input.ts';
import type { ExperimentResult } from './status.ts';
import { ExperimentRun } from './run.ts';

/**
 * What is the reranker worth to users? `{"offPercent":10,"metric":"mrr","detectPoints":3}`, all with a default: serves
 * that share of stable's users without it, compares the arms by their feedback, and ends with a recommendation. It
 * changes nothing for good: the flag is a person's to turn. Refused while a rollout holds the fence; a rollout that
 * starts takes the fence, and the arms end with its epoch.
 */
export async function rerankerExperiment(raw?: unknown): Promise<ExperimentResult> {
  return new ExperimentRun(checkedInput(raw)).run();
}

function checkedInput(raw: unknown): ExperimentInput {
  const read = readExperimentInput(raw);
  if ('problems' in read) throw wrong(`wrong input: ${read.problems.join('; ')}`);
  const { workflowId } = workflowInfo();
  const rightId = `rerankerExperiment/${read.input.service}`;
  if (workflowId !== rightId)
    throw wrong(`an experiment with ${read.input.service} has the workflow id ${rightId}, not ${workflowId}`);
  return read.input;
}

function wrong(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'WrongInput');
}
