import type { ServingContext } from './readings.ts';
import type { ControlView } from '../control/state.ts';
import { holderOf, workflowIdOf } from '../core/workflow-identity.ts';

/**
 * Who serves what now, out of the gateway's control state and without what the releases promise. The rollout is null where
 * none of this service holds the fence.
 */
export function sceneOf(
  { state, lanes }: ControlView,
  service: string,
): Omit<ServingContext, 'expectedShare'> {
  const holder = holderOf(state.owner);
  return {
    stable: state.lanes.stable.release,
    candidate: state.lanes.candidate?.release ?? null,
    run: holder?.workflowId === workflowIdOf('rollout', service) ? holder : null,
    flags: { stable: lanes.stable?.flags ?? null, candidate: lanes.candidate?.flags ?? null },
  };
}
