import type { Plan } from './plan.ts';
import type { RolloutEvent } from './rollout.ts';
import { reduce } from './rollout.ts';
import { nextAction } from './rollout-action.ts';
import type { RolloutState } from './rollout-state.ts';

/**
 * Whether the event changes nothing about what is being done: a page while a sweep runs, a hold while it is measured.
 * Then it is taken up beside that; else what is being done is left for it.
 */
export function leavesBe(plan: Plan, before: RolloutState, event: RolloutEvent, nowMs: number): boolean {
  const { state } = reduce(plan, before, event, nowMs);
  const doing = (of: RolloutState) => JSON.stringify(nextAction(plan, of));
  return state.phase === before.phase && doing(state) === doing(before);
}
