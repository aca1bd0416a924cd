import { basename, dirname } from 'node:path';
import type { Plan } from '../../../domain/plan/plan.ts';
import { errorMessage } from '../../../domain/core/error-message.ts';
import { readPlanFile } from '../../../plan-files/read-files.ts';
import { plansFolder } from '../../cli/paths.ts';
import { UsageError } from '../../cli/command.ts';

/** What a rollout is shipped by where nobody says otherwise. */
export const DEFAULT_PLAN = 'runbook-48h';

/**
 * Reads a plan by its name in PLANS_DIR, or by its path where that ends with .yaml.
 * @throws UsageError that names every problem
 */
export async function readPlan(nameOrFile: string): Promise<Plan> {
  const [folder, name] = nameOrFile.endsWith('.yaml')
    ? [dirname(nameOrFile), basename(nameOrFile, '.yaml')]
    : [plansFolder(), nameOrFile];
  try {
    return (await readPlanFile(folder, name)).plan;
  } catch (error) {
    throw new UsageError(errorMessage(error));
  }
}
