import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Plan } from '../../domain/plan/plan.ts';
import { parsePlan } from '../../plan-files/parse-plan.ts';

/**
 * A plan of plans/, the runbook's where no name is given; `other` are fields as a file has them.
 * @throws Error that names every problem of it
 */
export function aPlan(other: Readonly<Record<string, unknown>> = {}, name = 'runbook-48h'): Plan {
  const text = readFileSync(new URL(`../../plans/${name}.yaml`, import.meta.url), 'utf8');
  const result = parsePlan({ ...parse(text, { merge: true }), ...other });
  if (!result.ok) throw new Error(result.problems.join('; '));
  return result.plan;
}
