import { describe, expect, it } from 'vitest';
import { aPlan } from '../support/a-plan.ts';
import type { Plan } from '../../domain/plan/plan.ts';
import { simulateRollout } from '../../simulation/rollout.ts';
import type { SimulatedEnd } from '../../simulation/simulate.ts';
import type { Behaviour } from '../../simulation/conditions.ts';
import { calmWorld } from '../../simulation/conditions.ts';
import { seededRandom } from '../../devstack/traffic/arrivals.ts';

/** Rollouts of 48 hours; the long run has more of them. */
const ROLLOUTS = Number(process.env['AA_ROLLOUTS'] ?? 24);
const SEEDS = Array.from({ length: Math.max(40, ROLLOUTS) }, (_, i) => i + 1);
const SAME = { errorRate: 0.0005, medianMs: 1.5, sigma: 0.45, qualityShare: 0.954 };

/** A rollout of a release that behaves as stable does. */
function alike(plan: Plan, behaviour: Behaviour, rate: number, seed: number): SimulatedEnd {
  const random = seededRandom(seed);
  return simulateRollout(plan, calmWorld(behaviour, rate, random), random);
}

/** Rollouts of 48 hours are many polls: there four of the guard's are one. */
function fewerPolls(plan: Plan): Plan {
  return { ...plan, guard: { ...plan.guard, pollMs: Math.max(plan.guard.pollMs, 60_000) } };
}

describe('an A/A rollout', () => {
  it.each([
    ['demo', 150, 40, aPlan({}, 'demo')],
    ['runbook-48h', 20, ROLLOUTS, fewerPolls(aPlan({}, 'runbook-48h'))],
  ])(
    'on plan %s at %i requests/s is never rolled back, and held in under 5 % of %i',
    (name, rate, seeds, plan) => {
      const ends = SEEDS.slice(0, seeds).map((seed) => alike(plan, SAME, rate, seed));
      const held = ends.filter(({ end }) => end === 'held');
      console.log(
        `A/A on ${name}: ${held.length} of ${ends.length} held (${held.map(({ reason }) => reason).join('; ') || 'none'})`,
      );
      expect(ends.filter(({ end }) => end === 'rolledBack')).toEqual([]);
      expect(ends.filter(({ end }) => end !== 'shipped').length / ends.length).toBeLessThan(0.05);
    },
    240_000,
  );

  it('is not blind: a lane with 3 % errors is never shipped', () => {
    const bad = { ...SAME, errorRate: 0.03 };
    const ends = SEEDS.slice(0, 5).map((seed) => alike(aPlan({}, 'demo'), bad, 150, seed));
    expect(ends.filter(({ end }) => end === 'shipped')).toEqual([]);
  });
});
