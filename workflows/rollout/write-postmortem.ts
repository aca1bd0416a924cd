import { log } from '@temporalio/workflow';
import type { Plan } from '../../domain/plan/plan.ts';
import { postmortemOf } from '../../domain/incident/postmortem.ts';
import type { RolloutState } from '../../domain/rollout/state.ts';
import { activities, permanentReason } from '../runtime/activities.ts';
import { identity } from '../runtime/identity.ts';

/** Where users saw something that was taken back, a draft for the people who look into it. */
export async function lookBack(plan: Plan, state: RolloutState): Promise<void> {
  const incident = postmortemOf(plan, state, identity(), Date.now());
  if (incident === null) return;
  await activities()
    .writePostmortem(incident)
    .catch((error: unknown) => log.warn(`no post-mortem draft: ${permanentReason(error)}`));
}
