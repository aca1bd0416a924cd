/**
 * What decides well: rolls simulated good and bad releases out through the real domain code (state machine, gates, guard) under
 * both judges, and prints how they ended. `npx tsx bench/decisions/main.ts [--rate 20] [--seeds 20] [--first 1001]
 * [--judge sequential] [--only 'P95 x2'] [--why]`. The plan is plans/runbook-48h.yaml, its guard polling once a simulated minute.
 */
import { JUDGES } from '../../domain/plan/plan.ts';
import { readOptions } from '../../scripts/tool/usage.ts';
import { reportDecisions } from './report.ts';
import { SCENARIOS } from '../../simulation/scenarios.ts';

const USAGE =
  'usage: bench/decisions/main.ts [--rate QPS] [--seeds N] [--first N] [--judge NAME] [--only SCENARIO] [--why]';
const values = readOptions(USAGE, {
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

reportDecisions({ rate, seeds, judges, scenarios, why: values.why });
