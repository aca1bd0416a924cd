import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { parsePlan } from '../../plan-files/parse-plan.ts';
import type { Plan } from '../../domain/plan/plan.ts';
import { DECISION_RULES } from '../../domain/plan/plan.ts';
import { ROOT } from '../../platform/node-command.ts';
import type { Ends } from './replay.ts';
import { replay } from './replay.ts';
import type { Scenario } from '../../simulation/scenarios.ts';
import { SCENARIOS } from '../../simulation/scenarios.ts';

export interface Question {
  /** Judged requests a second, both lanes together, on average over the day. */
  readonly rate: number;
  readonly seeds: readonly number[];
  readonly judges: readonly Plan['decisionRule'][];
  readonly scenarios: readonly Scenario[];
  /** Whether to say of each end that is wrong how it came. */
  readonly why: boolean;
}

/** Both judges, every scenario, at the traffic of notes and docs; margins, tolerances and caps were tuned on the seeds below 1001. */
export const DEFAULT_QUESTION: Question = {
  rate: 20,
  seeds: Array.from({ length: 20 }, (_, i) => 1001 + i),
  judges: DECISION_RULES,
  scenarios: SCENARIOS,
  why: false,
};

/** The runbook's plan, its guard polling once a simulated minute: the time-outs in it are longer than that. */
function runbookPlan(): Plan {
  const parsed = parsePlan(parse(readFileSync(join(ROOT, 'plans/runbook-48h.yaml'), 'utf8')));
  if (!parsed.ok) throw new Error(parsed.problems.join('; '));
  return { ...parsed.plan, guard: { ...parsed.plan.guard, pollMs: 60_000 } };
}

/** Prints, for each judge, how the rollouts of each scenario ended, and in the end what each judge is worth. */
export function reportDecisions({ rate, seeds, judges, scenarios, why }: Question): void {
  const startedMs = Date.now();
  const plan = runbookPlan();
  const summary = judges.map((judge) => {
    console.log(`\njudge ${judge}, ${rate} requests/s, seeds ${seeds[0]} to ${seeds.at(-1)}`);
    console.log(line('release', 'shipped', 'rolled back', 'held', 'min to 0 %', 'min to asked'));
    const all = scenarios.map((scenario) => {
      const ends = replay({ ...plan, decisionRule: judge }, scenario, rate, seeds);
      print(ends, why);
      return ends;
    });
    return sum(judge, all);
  });
  console.log(`\n${summary.join('\n')}\n${((Date.now() - startedMs) / 1000).toFixed(0)} s`);
}

function print(ends: Ends, why: boolean): void {
  const { scenario, rollouts, shipped, rolledBack, held, safeMinutes, askedMinutes, wrong } = ends;
  const share = (n: number) => `${((100 * n) / rollouts).toFixed(0)} %`;
  const minutes = (at: number | null) => (at === null ? '' : at.toFixed(0));
  const timed = scenario.kind === 'bad';
  console.log(
    line(
      `${scenario.kind}: ${scenario.name}`,
      share(shipped),
      share(rolledBack),
      share(held),
      timed ? minutes(safeMinutes) : '',
      timed ? minutes(askedMinutes) : '',
    ),
  );
  if (why) for (const reason of wrong) console.log(`    ${reason}`);
}

/** J: good ones shipped minus bad ones shipped, each kind of release counting the same. */
function sum(judge: string, all: readonly Ends[]): string {
  const shippedOf = (kind: string) => {
    const of = all.filter(({ scenario }) => scenario.kind === kind);
    return (
      of.reduce((total, { shipped, rollouts }) => total + shipped / rollouts, 0) / Math.max(1, of.length)
    );
  };
  const [good, bad] = [shippedOf('good'), shippedOf('bad')];
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  return `${judge}: ${percent(good)} of the good releases shipped, ${percent(bad)} of the bad ones; J = ${percent(good - bad)}`;
}

function line(name: string, ...cells: readonly string[]): string {
  return name.padEnd(46) + cells.map((cell) => cell.padStart(13)).join('');
}
