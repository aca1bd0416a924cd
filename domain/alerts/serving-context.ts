import type { AlertScene } from './readings.ts';
import type { ControlView } from '../control/state.ts';

/** Who serves what now, without what the releases promise, out of the gateway's control state. Another service's rollout is nobody to talk to. */
export function sceneOf({ state, lanes }: ControlView, service: string): Omit<AlertScene, 'expectedShare'> {
  const workflowId = `rollout/${service}`;
  const runId = state.owner.startsWith(`${workflowId}/`) ? state.owner.slice(workflowId.length + 1) : '';
  return {
    stable: state.lanes.stable.release,
    candidate: state.lanes.candidate?.release ?? null,
    run: runId === '' || runId.includes('/') ? null : { workflowId, runId },
    flags: { stable: lanes.stable?.flags ?? null, candidate: lanes.candidate?.flags ?? null },
  };
}
