import type { Plan } from '../../domain/plan/plan.ts';
import type { SimulatedEnd } from '../../simulation/simulate.ts';
import { simulateRollout } from '../../simulation/rollout.ts';
import { seededRandom } from '../../devstack/traffic/arrivals.ts';
import { RestlessWorld } from '../../simulation/noisy-environment.ts';
import type { Scenario } from '../../simulation/scenarios.ts';

/** How the rollouts of one scenario ended under one judge. */
export interface Ends {
  readonly scenario: Scenario;
  readonly rollouts: number;
  readonly shipped: number;
  readonly rolledBack: number;
  readonly held: number;
  /** Of those that were rolled back: median minutes from the first user who met the defect to traffic 0; null without one. */
  readonly safeMinutes: number | null;
  /** Of those that were held: median minutes until a person was asked. */
  readonly askedMinutes: number | null;
  /** Why those ended that ended otherwise than their kind should; of tolerated ones those that did not ship. */
  readonly wrong: readonly string[];
}

/** Runs a scenario once for each seed. The same seed is the same two days for every judge. */
export function replay(plan: Plan, scenario: Scenario, rate: number, seeds: readonly number[]): Ends {
  const ends = seeds.map((seed) => {
    const world = new RestlessWorld(rate, scenario.defect, seededRandom(seed));
    return simulateRollout(plan, world, seededRandom(seed + 1_000_000));
  });
  const of = (end: string) => ends.filter((run) => run.end === end);
  const right = (run: SimulatedEnd) => (scenario.kind === 'bad') !== (run.end === 'shipped');
  return {
    scenario,
    rollouts: ends.length,
    shipped: of('shipped').length,
    rolledBack: of('rolledBack').length,
    held: of('held').length,
    safeMinutes: median(of('rolledBack').map((run) => minutesFrom(scenario, run))),
    askedMinutes: median(of('held').map((run) => minutesFrom(scenario, run))),
    wrong: ends.filter((run) => !right(run)).map(({ end, reason }) => `${end}: ${reason}`),
  };
}

/** From the defect's beginning to the end; null where no user met it, or it was over before. */
function minutesFrom({ defect }: Scenario, { raises, endMs }: SimulatedEnd): number | null {
  const { fromHour = 0, fromPercent = 0 } = defect;
  const first = raises[0]?.atMs;
  const met = raises.find(({ percent }) => percent >= fromPercent)?.atMs;
  if (first === undefined || met === undefined) return null;
  const minutes = (endMs - Math.max(met, first + fromHour * 3_600_000)) / 60_000;
  return minutes < 0 ? null : minutes;
}

function median(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null).toSorted((a, b) => a - b);
  return known[Math.floor(known.length / 2)] ?? null;
}
