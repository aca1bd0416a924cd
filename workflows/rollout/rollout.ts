import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  workflowInfo,
} from '@temporalio/workflow';
import type { BlastRadius } from '../../domain/rollout/status/impact.ts';
import type { LoadedPlan } from '../../domain/contracts/rollout-activities.ts';
import type { RolloutInput } from '../../domain/rollout/input.ts';
import { readRolloutInput } from '../../domain/rollout/input.ts';
import type { Outcome } from '../../domain/rollout/state.ts';
import { activities } from '../runtime/activities.ts';
import { INTERRUPTED, unlessUrgent } from '../runtime/interruptible.ts';
import { decoded } from '../runtime/payload-converter.ts';
import type { CarriedRollout } from '../runtime/renewal.ts';
import { RolloutRun } from './run.ts';

/** What a rollout ends with; Failed is for wrong input only. */
export interface RolloutResult {
  readonly outcome: Outcome;
  readonly reason: string;
  readonly candidate: string;
  /** sha256 of the plan that was walked; null where it was cancelled before it was read. */
  readonly planDigest: string | null;
  /** What the candidate did to users; null where it never had any. */
  readonly blastRadius: BlastRadius | null;
}

/**
 * Ships a release: `{"service":"retriever","candidate":"retriever_v0","plan":"runbook-48h"}`, all but `candidate` with
 * a default. Walks the plan's stages, measures at each gate, and ends with an outcome. What to do next is decided by
 * domain/rollout/reduce.ts; this waits and calls. `carried` comes from the run before of the same rollout, and from nobody else.
 */
export async function rollout(raw: unknown, carried: CarriedRollout | null = null): Promise<RolloutResult> {
  const input = checkedInput(raw);
  // Handlers first: a message may be in the very first task.
  const run = new RolloutRun(input, decoded(carried));
  try {
    const loaded =
      carried?.loaded ??
      (await unlessUrgent(
        () => run.isCalledOff(),
        () => loadPlan(input, run),
      ));
    if (loaded === INTERRUPTED) await run.endUnread('aborted', 'a rollback was asked for');
    else await run.walk(loaded);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    await CancellationScope.nonCancellable(() => run.cancel());
  }
  return { ...run.result(), candidate: input.candidate };
}

function checkedInput(raw: unknown): RolloutInput {
  const read = readRolloutInput(raw);
  if ('problems' in read)
    throw ApplicationFailure.nonRetryable(`wrong input: ${read.problems.join('; ')}`, 'WrongInput');
  const { workflowId } = workflowInfo();
  const rightId = `rollout/${read.input.service}`;
  if (workflowId !== rightId)
    throw ApplicationFailure.nonRetryable(
      `a rollout of ${read.input.service} has the workflow id ${rightId}, not ${workflowId}`,
      'WrongInput',
    );
  return read.input;
}

async function loadPlan({ plan }: RolloutInput, run: RolloutRun): Promise<LoadedPlan> {
  try {
    return await activities((what, reason) => run.tellStuck(what, reason)).loadPlan({ plan });
  } catch (error) {
    // The plan's own words, where a person reads the failure first.
    if (error instanceof ActivityFailure && error.cause instanceof ApplicationFailure)
      throw ApplicationFailure.nonRetryable(error.cause.message, 'WrongInput');
    throw error;
  }
}
