/** Scores the shipped plan plans/runbook-48h.yaml, at its own poll, in the world of bench/decisions/world. */
import { z } from 'zod';
import { DECISION_RULES } from '../../domain/plan/plan.ts';
import { command } from '../../scripts/cli/command.ts';
import { count, natural, positive } from '../../scripts/cli/options.ts';
import { runCommand } from '../../scripts/cli/run-command.ts';
import { score } from './score.ts';
import { tables } from './tables.ts';
import { CLASSES } from './world/kind.ts';
import { KINDS } from './world/kinds.ts';

const decisions = command({
  example: '--rate 20 --seeds 4 --class env',
  options: {
    rate: {
      value: 'QPS',
      help: 'requests a second, on average over the day',
      schema: positive.prefault('20'),
    },
    seeds: { value: 'N', help: 'runs of each kind', schema: count.prefault('40') },
    first: { value: 'N', help: 'the first seed; even ones are held out', schema: natural.prefault('1') },
    rule: {
      value: 'NAME',
      help: DECISION_RULES.join(', '),
      schema: z.enum(DECISION_RULES).prefault('sequentialTest'),
    },
    class: { value: 'NAME', help: CLASSES.join(', '), schema: z.enum(CLASSES).optional() },
    only: {
      value: 'KIND',
      help: 'one of the kinds',
      schema: z.enum(KINDS.map(({ name }) => name)).optional(),
    },
    processes: { value: 'N', help: 'processes that run it', schema: count.prefault('2') },
    why: { help: 'with the reason of each end', schema: z.boolean().default(false) },
  },
  async run({ rate, seeds: wanted, first, rule, class: of, only, processes, why }) {
    const kinds = KINDS.filter(
      (kind) => (of === undefined || kind.class === of) && (only === undefined || kind.name === only),
    ).map(({ name }) => name);
    const seeds = Array.from({ length: wanted }, (_, i) => first + i);
    const runs = await score({ rate, seeds, rule, kinds }, processes);
    const reasons = why
      ? runs.map(({ kind, seed, end, reason }) => `${kind}, seed ${seed}: ${end}: ${reason}`)
      : [];
    return { passed: true, lines: [...tables(runs), ...reasons], result: { rate, rule, runs } };
  },
});

await runCommand(
  'tsx bench/decisions/main.ts',
  'Ships good and bad releases through the real domain code in a world built from requests, and prints how they ended.',
  decisions,
  process.argv.slice(2),
);
