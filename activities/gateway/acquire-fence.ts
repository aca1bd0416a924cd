import type { ControlState } from '../../domain/control/state.ts';
import type { FenceHolder, TuningActivities } from '../../domain/contracts/tuning-activities.ts';
import { holderOf } from '../../domain/core/workflow-identity.ts';
import type { ControlClient } from '../../clients/gateway-client.ts';

/**
 * Acquires the fence only where no other running workflow holds it. An operator and a run that has ended hold nothing any
 * more.
 */
export function createFenceAcquirer(
  control: ControlClient,
  isRunning: (workflowId: string, firstRunId: string) => Promise<boolean>,
): Pick<TuningActivities, 'fenceHolder' | 'takeFreeEpoch'> {
  async function runningHolder({ owner, epoch }: ControlState): Promise<FenceHolder> {
    const holder = holderOf(owner);
    if (holder === null) return { kind: 'free' };
    const { workflowId, runId } = holder;
    // Throws while Temporal does not answer, and is tried again: a guess could push a rollout aside.
    return (await isRunning(workflowId, runId)) ? { kind: 'held', workflowId, epoch } : { kind: 'free' };
  }
  return {
    async fenceHolder() {
      return runningHolder((await control.view()).state);
    },
    async takeFreeEpoch({ owner, key }) {
      const { state } = await control.view();
      if (state.epochKey === key) return { kind: 'taken', epoch: state.epoch };
      const holder = await runningHolder(state);
      if (holder.kind === 'held') return holder;
      // Compare-and-set on what was looked at: who took it meanwhile is seen at the next attempt.
      const expected = { owner: state.owner, epoch: state.epoch };
      const { epoch } = await control.takeEpoch({ owner, key, expected });
      return { kind: 'taken', epoch };
    },
  };
}
