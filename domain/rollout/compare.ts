import type { ControlView } from '../control/state.ts';
import type { Plan } from '../plan/plan.ts';
import { finish, holdAfterIntervention, holdFor } from './transitions.ts';
import type { RolloutState, Step } from './state.ts';
import type { RolloutEvent } from './events.ts';

/**
 * What the gateway has in force, beside what the rollout knows: a newer epoch ends it, and what it did not do itself, or did in a
 * run that was reset, holds it. Null where both agree.
 */
export function onCompared(
  plan: Plan,
  state: RolloutState,
  { state: control }: ControlView,
  nowMs: number,
): Step | null {
  const { epoch, owner, interventions, lastIntervention: intervention, percent, lanes } = control;
  if (state.epoch !== null && epoch > state.epoch)
    return finish(plan, state, 'supersededByRollback', `${owner} took over with epoch ${epoch}`, nowMs);
  if (interventions > state.interventionsSeen)
    return holdAfterIntervention(plan, state, { intervention, interventions, percent }, nowMs);
  const promoted = lanes.stable.release === state.candidate && state.report?.stable !== state.candidate;
  if (percent === state.percent && !promoted) return null;
  const has = promoted ? `${state.candidate} is stable` : `${percent} % of users are on ${state.candidate}`;
  const reason = `${has}, and this run knows of ${state.percent} %: it was reset; resume begins the stage again, rollback takes users back`;
  return holdFor(plan, { ...state, percent }, { why: 'intervention', reason }, nowMs);
}

/** Whether the counters show another share than the rollout knows of: then the gateway is asked who changed it. */
export function disagrees({ t0Ms, percent }: RolloutState, event: RolloutEvent): boolean {
  if (t0Ms === null || event.kind !== 'snapshot' || event.result.kind !== 'snapshot') return false;
  return event.result.snapshot.percent !== percent;
}

/** Whether users are, or are about to be, on the candidate by a change of this owner, whatever the rollout knows of. */
export function givesUsers(
  { candidate, report }: RolloutState,
  { state: { owner, percent, lanes } }: ControlView,
  asked: string,
): boolean {
  return (
    owner === asked && (percent > 0 || (lanes.stable.release === candidate && report?.stable !== candidate))
  );
}
