import { createHash } from 'node:crypto';
import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import { readPlanFile } from '../../plan-files/read-files.ts';
import { permanently } from './plan-failure.ts';

export interface PlansDeps {
  readonly plansDir: string;
  /** Whether the worker could register them; it tells each rollout along with its plan. */
  readonly searchAttributes: boolean;
}

/** Reads plans as YAML files of one folder. Whatever is wrong with a plan no retry can mend. */
export function createPlans({ plansDir, searchAttributes }: PlansDeps): Pick<RolloutActivities, 'loadPlan'> {
  return {
    async loadPlan({ plan: name }) {
      const { plan, bytes } = await permanently('WrongPlan', readPlanFile(plansDir, name));
      const digest = createHash('sha256').update(bytes).digest('hex');
      return { plan, digest, searchAttributes };
    },
  };
}
