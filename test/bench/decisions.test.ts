import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { score } from '../../bench/decisions/score.ts';
import type { Effect } from '../../bench/decisions/world/effects.ts';
import { FROZEN, worldDigest } from '../../bench/decisions/world/freeze.ts';
import { KINDS, isHeldOut } from '../../bench/decisions/world/kinds.ts';
import { ProductionWorld } from '../../bench/decisions/world/production-world.ts';
import { tables } from '../../bench/decisions/tables.ts';

const MINUTE = 60_000;

/** Ten minutes at 50 % with some effects, after 20 minutes without them. */
function tenMinutes(...effects: readonly Partial<Effect>[]) {
  const when = { fromMs: 20 * MINUTE, toMs: 30 * MINUTE };
  const all = () => effects.map((effect) => ({ ...when, ...effect }));
  const world = new ProductionWorld(20, 5, { name: 'test', class: 'env', effects: all, fault: null });
  world.traffic.setPercent(50, 0);
  world.traffic.shadowPercent = 10;
  world.advance(20 * MINUTE);
  const { lanes } = world.traffic;
  const of = () => ({
    requests: lanes.stable.requests + lanes.candidate.requests,
    errors: { stable: lanes.stable.errors, candidate: lanes.candidate.errors },
    failed: lanes.stable.bucketErrors.map((n, i) => n + (lanes.candidate.bucketErrors[i] ?? 0)),
    asked: lanes.stable.bucketRequests.map((n, i) => n + (lanes.candidate.bucketRequests[i] ?? 0)),
  });
  const before = of();
  world.advance(30 * MINUTE);
  return { world, before, after: of() };
}

describe('the world of bench/decisions', () => {
  it('is the one whose digest is written down: nobody changes it unseen', () => {
    expect(worldDigest()).toBe(readFileSync(FROZEN, 'utf8').trim());
  });

  it('has a hold-out of a third of the kinds of each class, and of every second seed', () => {
    const odd = KINDS.filter((kind) => isHeldOut(kind, 1));
    expect(odd.length / KINDS.length).toBeCloseTo(1 / 3, 1);
    expect(new Set(odd.map((kind) => kind.class)).size).toBe(5);
    expect(KINDS.every((kind) => isHeldOut(kind, 2))).toBe(true);
    expect(new Set(KINDS.map(({ name }) => name)).size).toBe(KINDS.length);
  });

  it('is the same for the same seed', () => {
    const [first, again] = [tenMinutes({ slower: 2 }), tenMinutes({ slower: 2 })];
    expect(again.world.snapshot()).toEqual(first.world.snapshot());
  });

  it('counts a storm of the heaviest client as more requests, and its failures in one hash bucket', () => {
    const calm = tenMinutes();
    const storm = tenMinutes({ affected: { kind: 'heaviest' }, load: 5, errors: 0.5 });
    const served = ({ before, after }: typeof calm) => after.requests - before.requests;
    expect(served(storm)).toBeGreaterThan(1.5 * served(calm));
    const largest = (of: 'asked' | 'failed') => {
      const grown = storm.after[of].map((n, i) => n - (storm.before[of][i] ?? 0));
      return Math.max(...grown) / grown.reduce((sum, n) => sum + n, 0);
    };
    expect(largest('failed')).toBeGreaterThan(0.95);
    expect(largest('asked')).toBeGreaterThan(0.45);
  });

  it('serves nobody on a lane that is down, and cold caches from a new process after it', () => {
    const { world, before, after } = tenMinutes({ lane: 'candidate', down: true, toMs: 21 * MINUTE });
    expect(after.errors.candidate - before.errors.candidate).toBeGreaterThan(300);
    expect(after.errors.stable - before.errors.stable).toBeLessThan(30);
    expect(world.traffic.lanes.candidate.own.startSeconds).toBeGreaterThan(20 * 60);
  });

  it('counts from 0 after a restart of the gateway, and has no metrics meanwhile', () => {
    const { world, before } = tenMinutes({
      gatewayRestart: true,
      fromMs: 21 * MINUTE,
      toMs: 21 * MINUTE + 20_000,
    });
    const result = world.snapshot();
    if (result.kind !== 'snapshot') throw new Error(result.reason);
    expect(result.snapshot.processStartMs).toBeGreaterThan(20 * MINUTE);
    expect(result.snapshot.lanes.stable?.requests).toBeLessThan(before.requests / 2);
    const during = tenMinutes({ gatewayRestart: true, toMs: 40 * MINUTE });
    expect(during.world.snapshot().kind).toBe('missing');
  });

  it('never ships 50 % errors, nor what nobody sees, and says so in its tables', async () => {
    const kinds = ['errors 50 %', 'no metrics from T0 on', 'the candidate gets no users'];
    const runs = await score({ rate: 20, seeds: [1, 3], rule: 'sequentialTest', kinds }, 2);
    expect(runs.map(({ kind, seed, end }) => [kind, seed, end])).toEqual([
      ['errors 50 %', 1, 'rolledBack'],
      ['errors 50 %', 3, 'rolledBack'],
      ['no metrics from T0 on', 1, 'held'],
      ['no metrics from T0 on', 3, 'held'],
      ['the candidate gets no users', 1, 'held'],
      ['the candidate gets no users', 3, 'held'],
    ]);
    expect(tables(runs).some((line) => line.startsWith('| bad | errors 50 % | 0 | 0 | 2 |'))).toBe(true);
  }, 60_000);
});
