import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/activity';
import { parse } from 'yaml';
import { isName } from '../../domain/core/name.ts';
import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import { parsePlan } from '../../plan-files/parse-plan.ts';
import { textOf } from '../../platform/text/utf8.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

export interface PlansDeps {
  readonly plansDir: string;
  /** Whether the worker could register them; it tells each rollout along with its plan. */
  readonly searchAttributes: boolean;
}

/** Reads plans as YAML files of one folder. Whatever is wrong with a plan no retry can mend. */
export function createPlans({ plansDir, searchAttributes }: PlansDeps): Pick<RolloutActivities, 'loadPlan'> {
  return {
    async loadPlan({ plan: name }) {
      const bytes = await planBytes(plansDir, name);
      const result = parsePlan(yamlOf(bytes, name));
      if (!result.ok) throw wrong(`plan ${name}: ${result.problems.join('; ')}`);
      const digest = createHash('sha256').update(bytes).digest('hex');
      return { plan: result.plan, digest, searchAttributes };
    },
  };
}

async function planBytes(plansDir: string, name: string): Promise<Buffer> {
  const there = (await readdir(plansDir))
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -5));
  if (!isName(name) || !there.includes(name))
    throw wrong(
      `there is no plan ${JSON.stringify(name)}; there are: ${there.toSorted().join(', ') || 'none'}`,
    );
  return readFile(join(plansDir, `${name}.yaml`));
}

function yamlOf(bytes: Buffer, name: string): unknown {
  try {
    return parse(textOf(bytes, `${name}.yaml`));
  } catch (error) {
    throw wrong(`plan ${name} is not YAML: ${errorMessage(error)}`);
  }
}

function wrong(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'WrongPlan');
}
