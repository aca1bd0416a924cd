import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parsePlan } from '../../domain/plan-file.ts';
import type { Plan } from '../../domain/plan.ts';
import { simulateRollout } from '../../scripts/simulate/rollout.ts';
import type { SimulatedEnd } from '../../scripts/simulate/rollout.ts';
import type { Behaviour } from '../../scripts/simulate/world.ts';
import { calmWorld } from '../../scripts/simulate/world.ts';
import { seededRandom } from '../../scripts/traffic/arrivals.ts';

const SEEDS = Array.from({ length: 20 }, (_, i) => i + 1);
const SAME = { errorRate: 0.0005, medianMs: 1.5, sigma: 0.45, qualityShare: 0.954 };

/** A rollout of a release that behaves as stable does. */
function alike(plan: Plan, behaviour: Behaviour, rate: number, seed: number): SimulatedEnd {
  const random = seededRandom(seed);
  return simulateRollout(plan, calmWorld(behaviour, rate, random), random);
}

function planOf(name: string): Plan {
  const parsed = parsePlan(parse(readFileSync(new URL(`../../plans/${name}.yaml`, import.meta.url), 'utf8')));
  if (!parsed.ok) throw new Error(parsed.problems.join('; '));
  return parsed.plan;
}

describe('an A/A rollout, 20 seeds', () => {
  it.each([
    ['demo', 150],
    ['runbook-48h', 20],
  ])(
    'on plan %s at %i requests/s is never rolled back, and is mostly shipped',
    (name, rate) => {
      const ends = SEEDS.map((seed) => alike(planOf(name), SAME, rate, seed));
      const held = ends.filter(({ end }) => end === 'held');
      console.log(
        `A/A on ${name}: ${held.length} of ${SEEDS.length} held (${held.map(({ reason }) => reason).join('; ') || 'none'})`,
      );
      expect(ends.filter(({ end }) => end === 'rolledBack')).toEqual([]);
      expect(ends.filter(({ end }) => end === 'shipped').length).toBeGreaterThanOrEqual(17);
    },
    240_000,
  );

  it('is not blind: a lane with 3 % errors is never shipped', () => {
    const bad = { ...SAME, errorRate: 0.03 };
    const ends = SEEDS.slice(0, 5).map((seed) => alike(planOf('demo'), bad, 150, seed));
    expect(ends.filter(({ end }) => end === 'shipped')).toEqual([]);
  });
});
