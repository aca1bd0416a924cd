import type { ControlState } from '../../domain/control/state.ts';
import type { FenceHolder, TuningActivities } from '../../domain/contracts/tuning-activities.ts';
import type { ControlClient } from './control.ts';

/**
 * The fence for who does not push others aside: a workflow's own epoch, as long as no other one that still runs holds
 * it. Owners are `<workflow id>/<first execution's run id>`; a hand and a run that has ended hold nothing any more.
 */
export function createFreeEpoch(
  control: ControlClient,
  isRunning: (workflowId: string, firstRunId: string) => Promise<boolean>,
): Pick<TuningActivities, 'fenceHolder' | 'takeFreeEpoch'> {
  async function holderOf({ owner, epoch }: ControlState): Promise<FenceHolder> {
    const cut = owner.lastIndexOf('/');
    const [workflowId, firstRunId] = [owner.slice(0, cut), owner.slice(cut + 1)];
    if (cut <= 0 || firstRunId === '') return { kind: 'free' };
    // Throws while Temporal does not answer, and is tried again: a guess could push a rollout aside.
    return (await isRunning(workflowId, firstRunId)) ? { kind: 'held', workflowId, epoch } : { kind: 'free' };
  }
  return {
    async fenceHolder() {
      return holderOf((await control.view()).state);
    },
    async takeFreeEpoch({ owner, key }) {
      const { state } = await control.view();
      if (state.epochKey === key) return { kind: 'taken', epoch: state.epoch };
      const holder = await holderOf(state);
      if (holder.kind === 'held') return holder;
      // Compare-and-set on what was looked at: who took it meanwhile is seen at the next attempt.
      const expected = { owner: state.owner, epoch: state.epoch };
      const { epoch } = await control.takeEpoch({ owner, key, expected });
      return { kind: 'taken', epoch };
    },
  };
}
