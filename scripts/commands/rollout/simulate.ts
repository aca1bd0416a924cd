import { simulateRollout } from '../../../simulation/rollout.ts';
import { calmWorld } from '../../../simulation/conditions.ts';
import { seededRandom } from '../../../devstack/traffic/arrivals.ts';
import { z } from 'zod';
import { command } from '../../cli/command.ts';
import { count, positive } from '../../cli/options.ts';
import { DEFAULT_PLAN, readPlan } from './plan-file.ts';

const BEHAVIOUR = { errorRate: 0.0005, medianMs: 1.5, sigma: 0.45, qualityShare: 0.954 };

/** A/A: the real domain code on simulated counters, with a candidate that behaves exactly as stable does. */
export const simulate = command({
  example: '--plan demo --rate 150 --seeds 20',
  options: {
    plan: {
      value: 'NAME',
      help: 'a name in plans/, or a .yaml file',
      schema: z.string().default(DEFAULT_PLAN),
    },
    rate: { value: 'QPS', help: 'context requests a second', schema: positive.prefault('20') },
    seeds: { value: 'N', help: 'rollouts, one for each seed from 1 on', schema: count.prefault('20') },
  },
  async run({ plan: name, rate, seeds: wanted }) {
    const plan = await readPlan(name);
    const seeds = Array.from({ length: wanted }, (_, i) => i + 1);
    const ends = seeds.map((seed) => {
      const random = seededRandom(seed);
      return { seed, ...simulateRollout(plan, calmWorld(BEHAVIOUR, rate, random), random) };
    });
    const ended = (end: string) => ends.filter((run) => run.end === end).length;
    const [shipped, rolledBack, held] = [ended('shipped'), ended('rolledBack'), ended('held')];
    return {
      passed: rolledBack === 0,
      lines: [
        ...ends.filter(({ end }) => end !== 'shipped').map(lineOf),
        `${name} at ${rate} requests/s, ${wanted} seeds: ${shipped} shipped, ${rolledBack} rolled back, ` +
          `${held} held (${((100 * held) / wanted).toFixed(0)} % false holds)`,
      ],
      result: { plan: name, rate, seeds: wanted, shipped, rolledBack, held },
    };
  },
});

type End = { readonly seed: number } & ReturnType<typeof simulateRollout>;

function lineOf({ seed, end, reason, raises, endMs }: End): string {
  const hours = (endMs - (raises[0]?.atMs ?? endMs)) / 3_600_000;
  return `seed ${seed}: ${end} after ${hours.toFixed(1)} h: ${reason}`;
}
