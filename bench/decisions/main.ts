/**
 * What decides well: rolls simulated good and bad releases out through the real domain code (state machine, gates, guard) under
 * both judges, and prints how they ended. `npx tsx bench/decisions/main.ts [--rate 20] [--seeds 20] [--first 1001]
 * [--judge sequential] [--only 'P95 x2'] [--why]`. The plan is plans/runbook-48h.yaml, its guard polling once a simulated minute.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { parsePlan } from '../../domain/plan-file.ts';
import { JUDGES } from '../../domain/plan.ts';
import { ROOT } from '../../scripts/stack/process.ts';
import type { Ends } from './replay.ts';
import { replay } from './replay.ts';
import { SCENARIOS } from './scenarios.ts';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '20' },
    seeds: { type: 'string', default: '20' },
    // Margins, tolerances and the CUSUM's cap were tuned on the seeds from 1 on: those are not to be reported.
    first: { type: 'string', default: '1001' },
    judge: { type: 'string' },
    only: { type: 'string' },
    why: { type: 'boolean', default: false },
  },
});
const parsed = parsePlan(parse(readFileSync(join(ROOT, 'plans/runbook-48h.yaml'), 'utf8')));
if (!parsed.ok) throw new Error(parsed.problems.join('; '));
const { plan } = parsed;
const [rate, first, count] = [Number(values.rate), Number(values.first), Number(values.seeds)];
const seeds = Array.from({ length: count }, (_, i) => first + i);
const scenarios = SCENARIOS.filter(({ name }) => values.only === undefined || name === values.only);
const judges = JUDGES.filter((judge) => values.judge === undefined || judge === values.judge);
if (scenarios.length === 0 || judges.length === 0 || !(rate > 0 && count > 0 && first >= 0)) {
  console.error(
    `--judge is one of ${JUDGES.join(', ')}, --only one of: ${SCENARIOS.map(({ name }) => name).join('; ')}`,
  );
  process.exit(2);
}

const startedMs = Date.now();
const summary: string[] = [];
for (const judge of judges) {
  console.log(`\njudge ${judge}, ${rate} requests/s, seeds ${first} to ${seeds.at(-1)}`);
  console.log(line('release', 'shipped', 'rolled back', 'held', 'min to 0 %', 'min to asked'));
  const all = scenarios.map((scenario) => {
    const ends = replay({ ...plan, judge, guard: { ...plan.guard, pollMs: 60_000 } }, scenario, rate, seeds);
    print(ends);
    return ends;
  });
  summary.push(sum(judge, all));
}
console.log(`\n${summary.join('\n')}\n${((Date.now() - startedMs) / 1000).toFixed(0)} s`);

function print(ends: Ends): void {
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
  if (values.why) for (const reason of wrong) console.log(`    ${reason}`);
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
