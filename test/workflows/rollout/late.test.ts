import { beforeAll, describe, expect, it } from 'vitest';
import type { ControlChange } from '../../../domain/control/change.ts';
import type { RolloutActivities } from '../../../domain/contracts/rollout-activities.ts';
import type { RolloutStatus } from '../../../domain/rollout/status/status.ts';
import { FakeWorld } from '../../support/fake-world.ts';
import { HOUR, MINUTE, TimeSkipping } from '../../support/time-skipping.ts';

let server: TimeSkipping;
beforeAll(async () => {
  server = await TimeSkipping.create();
});

/** An activity that fails until `mend`. */
function broken(
  world: FakeWorld,
  activity: keyof RolloutActivities,
  words: string,
  which: (input: never) => boolean = () => true,
) {
  let isBroken = true;
  world.before = (name, input) => {
    if (isBroken && name === activity && which(input as never)) throw new Error(words);
  };
  return {
    mend: () => {
      isBroken = false;
    },
  };
}

const held = ({ state }: RolloutStatus) => state === 'held';
const late = (world: FakeWorld) => world.pages.filter(({ title }) => title.includes('is late'));

describe('a call that goes on failing', () => {
  it.each([
    ['preflight', 'GET /control answered 401: the bearer token is wrong'],
    ['takeEpoch', 'POST /control/epoch answered 503: the state cannot be written: ENOSPC'],
    ['changeTraffic', 'PUT /control answered 401: the bearer token is wrong'],
  ] as const)(
    '%s before T0 holds with its reason within minutes, pages, and a person goes on',
    async (activity, words) => {
      const world = new FakeWorld();
      const fault = broken(world, activity, words);
      await server.with(world, async (start) => {
        const rollout = await start();
        const status = await rollout.until(held, MINUTE, 10 * MINUTE);
        expect(status.reason).toContain(words);
        expect(world.pages).toMatchObject([{ severity: 'critical', text: expect.stringContaining(words) }]);
        fault.mend();
        await rollout.handle.signal('resume');
        await rollout.until(({ percent }) => percent === 5);
      });
    },
  );

  it('a full disk at the promotion pages once with its cause, is tried on, and ships when there is room', async () => {
    const world = new FakeWorld();
    const words = 'PUT /control answered 503: the state cannot be written: ENOSPC';
    const fault = broken(
      world,
      'changeTraffic',
      words,
      ({ commands }: ControlChange) => commands[0]?.kind === 'promote',
    );
    await server.with(world, async (start) => {
      const rollout = await start();
      await rollout.until(({ state }) => state === 'full-100: promoting', HOUR, 60 * HOUR);
      await rollout.until(() => late(world).length > 0, MINUTE, HOUR);
      expect(late(world)).toMatchObject([{ severity: 'critical', text: expect.stringContaining(words) }]);
      await rollout.pass(HOUR);
      expect(late(world)).toHaveLength(1);
      fault.mend();
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'shipped' });
    });
  });

  it('a rollback that does not get through says with what', async () => {
    const world = new FakeWorld();
    await server.with(world, async (start) => {
      const rollout = await start();
      await rollout.until(({ percent }) => percent === 5);
      const fault = broken(world, 'rollBackTraffic', 'connect ECONNREFUSED');
      await rollout.handle.signal('rollback');
      const said = () => world.pages.filter(({ title }) => title.includes('does not get through'));
      await rollout.until(() => said().length > 0, MINUTE, HOUR);
      expect(said()[0]?.text).toContain('take users back: connect ECONNREFUSED');
      fault.mend();
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'rolledBack' });
    });
  });

  it('a plan that cannot be read pages, and a rollback ends the run', async () => {
    const world = new FakeWorld();
    broken(world, 'loadPlan', 'EACCES: plans/runbook-48h.yaml');
    await server.with(world, async (start) => {
      const rollout = await start();
      await rollout.until(() => world.pages.length > 0, MINUTE, HOUR);
      expect(world.pages).toMatchObject([
        { title: 'rollout of retriever_v0 cannot begin', text: expect.stringContaining('EACCES') },
      ]);
      await rollout.handle.signal('rollback');
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'aborted' });
    });
  });
});

describe('a person who does not answer', () => {
  it.each(['hold', 'pause'] as const)(
    'to a %s is paged again every four hours, until resume',
    async (name) => {
      const world = new FakeWorld();
      await server.with(world, async (start) => {
        const rollout = await start();
        await rollout.until(({ percent }) => percent === 5);
        await rollout.handle.signal(name, { by: 'ada' });
        await rollout.until(({ state }) => state === 'held' || state === 'paused', MINUTE);
        const still = () => world.pages.filter(({ title }) => title.includes('is still'));
        await rollout.pass(3 * HOUR + 50 * MINUTE);
        expect(still()).toEqual([]);
        await rollout.pass(8 * HOUR + 20 * MINUTE);
        expect(still().map(({ title }) => title)).toEqual(
          ['4', '8', '12'].map((hours) =>
            expect.stringMatching(new RegExp(`still (held|paused) at 5 %, for ${hours} h$`)),
          ),
        );
        expect(new Set(still().map(({ dedupeKey }) => dedupeKey)).size).toBe(3);
        await rollout.handle.signal('resume');
        await rollout.until(({ state }) => state !== 'held' && state !== 'paused', MINUTE);
        await rollout.pass(5 * HOUR);
        expect(still()).toHaveLength(3);
      });
    },
  );
});
