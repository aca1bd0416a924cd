import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Plan } from '../../../domain/plan/plan.ts';
import { parsePlan } from '../../../plan-files/parse-plan.ts';
import { textOf } from '../../../platform/text/utf8.ts';
import { plansFolder } from '../../cli/paths.ts';
import { UsageError } from '../../cli/command.ts';
import { errorMessage } from '../../../domain/core/error-message.ts';

/** What a rollout is shipped by where nobody says otherwise. */
export const DEFAULT_PLAN = 'runbook-48h';

/**
 * Reads a plan by its name in PLANS_DIR, or by its path where that ends with .yaml.
 * @throws UsageError that names every problem
 */
export async function readPlan(nameOrFile: string): Promise<Plan> {
  const file = nameOrFile.endsWith('.yaml') ? nameOrFile : join(plansFolder(), `${nameOrFile}.yaml`);
  const bytes = await readFile(file).catch(() => {
    throw new UsageError(`there is no plan ${file}`);
  });
  const result = parsePlan(yamlOf(bytes, file));
  if (result.ok) return result.plan;
  throw new UsageError(`${file}: ${result.problems.join('; ')}`);
}

function yamlOf(bytes: Buffer, file: string): unknown {
  try {
    return parse(textOf(bytes, file));
  } catch (error) {
    throw new UsageError(`${file} is not YAML: ${errorMessage(error)}`);
  }
}
