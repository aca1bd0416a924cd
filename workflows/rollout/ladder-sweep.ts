import { executeChild, isCancellation } from '@temporalio/workflow';
import type { NprobeTuningResult } from '../../domain/tuning/input.ts';
import type { RolloutState } from '../../domain/rollout/state.ts';
import { identity } from '../runtime/identity.ts';
import type { nprobeTuning } from '../tuning/nprobe-tuning.ts';
import { soleChild } from '../runtime/sole-child.ts';

/**
 * The ladder's sweep: `nprobeTuning` on the candidate's lane, under the rollout's own fence. One that cannot be run is
 * a hold with its reason: the ladder goes on without it. Throws only where it was cancelled with the rollout's step.
 */
export async function tuned(
  owner: string,
  { service, epoch }: Pick<RolloutState, 'service' | 'epoch'>,
): Promise<NprobeTuningResult> {
  const workflowId = `${identity().workflowId}/nprobeTuning`;
  try {
    return await soleChild(workflowId, () =>
      executeChild<typeof nprobeTuning>('nprobeTuning', {
        workflowId,
        args: [{ service, lane: 'candidate', held: { owner, epoch: epoch ?? 0 } }],
        staticSummary: "a step of the rollout's ladder",
      }),
    );
  } catch (error) {
    if (isCancellation(error)) throw error;
    const reason = error instanceof Error ? (error.cause instanceof Error ? error.cause : error).message : '';
    return { outcome: 'hold', nprobe: null, reason: `the tuning could not be run: ${reason}` };
  }
}
