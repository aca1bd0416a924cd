import { describe, expect, it } from 'vitest';
import { check } from '../../support/interleavings/ends.ts';
import { explore } from '../../support/interleavings/explore.ts';
import { keyOf } from '../../support/interleavings/key.ts';
import { movesOf } from '../../support/interleavings/moves.ts';
import type { World } from '../../support/interleavings/world.ts';
import { firstWorld, smallPlan } from '../../support/interleavings/world.ts';

const plan = smallPlan();

/** `npm run test:long` goes deeper. */
const DISTURBANCES = Number(process.env['DISTURBANCES'] ?? 2);

describe('[E8] a rollout, its gateway and what lies between them', () => {
  it(`${DISTURBANCES} things that come in between, whatever they are and whenever, bring no user to the candidate that should not be there`, () => {
    const startedMs = performance.now();
    const outcomes = new Set<string>();
    const explored = explore<World>(
      {
        first: firstWorld(),
        moves: (world) => movesOf(plan, world),
        key: (world) => keyOf(plan, world),
        check(world) {
          check(world);
          if (world.ended) outcomes.add(String(world.driver.rollout.outcome));
        },
      },
      DISTURBANCES,
    );
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    console.info(
      `every interleaving with up to ${DISTURBANCES} disturbances: ${explored.states} states ` +
        `(${explored.statesBy.join(' + ')}), ${explored.moves} moves, up to ${explored.longest} deep, in ${seconds} s`,
    );
    expect(outcomes).toEqual(
      new Set(['shipped', 'refused', 'aborted', 'rolledBack', 'supersededByRollback', 'cancelled']),
    );
    expect(explored.states).toBeGreaterThan(1_000);
  }, 1_800_000);
});
