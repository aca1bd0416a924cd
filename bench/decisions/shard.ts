import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Plan } from '../../domain/plan/plan.ts';
import { parsePlan } from '../../plan-files/parse-plan.ts';
import { ROOT } from '../../platform/node-command.ts';
import type { Kind } from './world/kind.ts';
import { KINDS } from './world/kinds.ts';
import type { Run } from './world/run.ts';
import { runKind } from './world/run.ts';

/** What is asked: every kind that is named, once for each seed. */
export interface Scoring {
  readonly rate: number;
  readonly seeds: readonly number[];
  readonly rule: Plan['decisionRule'];
  readonly kinds: readonly string[];
}

/** The runbook's plan as it ships, at its own poll. */
function runbookPlan(rule: Plan['decisionRule']): Plan {
  const parsed = parsePlan(parse(readFileSync(join(ROOT, 'plans/runbook-48h.yaml'), 'utf8')));
  if (!parsed.ok) throw new Error(parsed.problems.join('; '));
  return { ...parsed.plan, decisionRule: rule };
}

/** Runs one shard of so many; all shards together run everything once. */
export function runShard({ rate, seeds, rule, kinds }: Scoring, shard: number, of: number): Run[] {
  const plan = runbookPlan(rule);
  const wanted: readonly Kind[] = KINDS.filter(({ name }) => kinds.includes(name));
  const all = seeds.flatMap((seed) => wanted.map((kind) => ({ seed, kind })));
  return all.flatMap(({ kind, seed }, i) => (i % of === shard ? [runKind(plan, kind, rate, seed)] : []));
}
