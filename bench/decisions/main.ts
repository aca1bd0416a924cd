/** The plan is plans/runbook-48h.yaml, its guard polling once a simulated minute. */
import { DECISION_RULES } from '../../domain/plan/plan.ts';
import { z } from 'zod';
import { command } from '../../scripts/cli/command.ts';
import { count, natural, positive } from '../../scripts/cli/options.ts';
import { runCommand } from '../../scripts/cli/run-command.ts';
import { reportDecisions } from './report.ts';
import { SCENARIOS } from '../../simulation/scenarios.ts';

const decisions = command({
  example: "--rate 20 --seeds 20 --judge sequentialTest --only 'P95 x2'",
  options: {
    rate: { value: 'QPS', help: 'context requests a second', schema: positive.prefault('20') },
    seeds: { value: 'N', help: 'rollouts of each scenario', schema: count.prefault('20') },
    // Margins, tolerances and the CUSUM's cap were tuned on the seeds from 1 on: those are not to be reported.
    first: { value: 'N', help: 'the first seed', schema: natural.prefault('1001') },
    judge: { value: 'NAME', help: DECISION_RULES.join(', '), schema: z.enum(DECISION_RULES).optional() },
    only: {
      value: 'SCENARIO',
      help: 'one of the scenarios',
      schema: z.enum(SCENARIOS.map(({ name }) => name)).optional(),
    },
    why: { help: 'with the reason of each end', schema: z.boolean().default(false) },
  },
  async run({ rate, seeds, first, judge, only, why }) {
    reportDecisions({
      rate,
      seeds: Array.from({ length: seeds }, (_, i) => first + i),
      judges: DECISION_RULES.filter((name) => judge === undefined || name === judge),
      scenarios: SCENARIOS.filter(({ name }) => only === undefined || name === only),
      why,
    });
    return { passed: true, lines: [], result: { rate, seeds, first } };
  },
});

await runCommand(
  'tsx bench/decisions/main.ts',
  'Rolls simulated good and bad releases out through the real domain code (state machine, gates, guard) under both judges, and prints how they ended.',
  decisions,
  process.argv.slice(2),
);
