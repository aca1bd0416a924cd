import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { AlertRules } from '../domain/alerts/rules.ts';
import { errorMessage } from '../domain/core/error-message.ts';
import type { Plan } from '../domain/plan/plan.ts';
import { textOf } from '../platform/text/utf8.ts';
import { parseAlertRules } from './parse-alert-rules.ts';
import { parsePlan } from './parse-plan.ts';

/** What no retry can mend: the file is not there, is no YAML, or holds what it must not. */
export class PlanFileError extends Error {}

/** A plan, with its file's bytes. */
interface PlanFile {
  readonly plan: Plan;
  readonly bytes: Buffer;
}

/**
 * Reads `<folder>/<name>.yaml`.
 * @throws PlanFileError that names every problem; what readdir and readFile throw
 */
export async function readPlanFile(folder: string, name: string): Promise<PlanFile> {
  const { value, bytes } = await readYaml(folder, name, 'plan');
  const result = parsePlan(value);
  if (!result.ok) throw new PlanFileError(`plan ${name}: ${result.problems.join('; ')}`);
  return { plan: result.plan, bytes };
}

/** Reads `<plansDir>/alerts/<name>.yaml`; throws as `readPlanFile`. */
export async function readAlertRulesFile(plansDir: string, name: string): Promise<AlertRules> {
  const { value } = await readYaml(join(plansDir, 'alerts'), name, 'set of alert rules');
  const result = parseAlertRules(value);
  if (!result.ok) throw new PlanFileError(`alert rules ${name}: ${result.problems.join('; ')}`);
  return result.rules;
}

async function readYaml(
  folder: string,
  name: string,
  what: string,
): Promise<{ readonly value: unknown; readonly bytes: Buffer }> {
  const there = (await readdir(folder))
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length));
  if (!there.includes(name))
    throw new PlanFileError(
      `there is no ${what} ${JSON.stringify(name)}; there are: ${there.toSorted().join(', ') || 'none'}`,
    );
  const bytes = await readFile(join(folder, `${name}.yaml`));
  try {
    return { value: parse(textOf(bytes, `${name}.yaml`)), bytes };
  } catch (error) {
    throw new PlanFileError(`${what} ${name} is not YAML: ${errorMessage(error)}`);
  }
}
