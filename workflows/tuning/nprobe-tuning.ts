import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import type { NprobeTuningResult, TuningRequest } from '../../domain/tuning/input.ts';
import { readNprobeTuningInput } from '../../domain/tuning/input.ts';
import { TuningRun } from './run.ts';

/**
 * The runbook's ten-minute pass: sweeps a lane's nprobe on its own process, picks one by the runbook's rule, and applies
 * it through a mini-canary. Alone, `{"lane":"stable"}` and all else with a default, it takes an epoch of its own and
 * changes nothing while a rollout holds the fence; as a rollout's child it changes by that rollout's epoch.
 */
export async function nprobeTuning(raw?: unknown): Promise<NprobeTuningResult> {
  return new TuningRun(checkedInput(raw)).run();
}

function checkedInput(raw: unknown): TuningRequest {
  const read = readNprobeTuningInput(raw);
  if ('problems' in read) throw wrong(`wrong input: ${read.problems.join('; ')}`);
  const { workflowId, parent } = workflowInfo();
  const { service, held } = read.input;
  if (held !== null && parent === undefined)
    throw wrong('held: only the rollout that holds the fence can hand it on, to its child');
  // One tuning of a service at a time, whoever starts it, and one of each rollout that hands its fence on.
  const rightId =
    held === null || parent === undefined ? `nprobeTuning/${service}` : `${parent.workflowId}/nprobeTuning`;
  if (workflowId !== rightId)
    throw wrong(`a tuning of ${service} has the workflow id ${rightId}, not ${workflowId}`);
  return read.input;
}

function wrong(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'WrongInput');
}
