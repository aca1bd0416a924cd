import { afterAll, beforeAll, expect, it } from 'vitest';
import { DevServer } from './dev-server.ts';
import { FakeWorld } from './fake-world.ts';
import { TimeSkipping } from './time-skipping.ts';

const SIGNALS = 3_000;
const AT_ONCE = 100;

let server: DevServer;
beforeAll(async () => {
  server = await DevServer.create(await TimeSkipping.create());
});
afterAll(async () => {
  await server?.close();
});

it(`${SIGNALS} equal holds are one line and two records with their count, and a rollback is heard`, async () => {
  const world = new FakeWorld({ plansDir: 'test/fixtures/plans' });
  const input = { candidate: 'r-2', plan: 'long-canary' };
  await server.rollout(world.activities(), input, async (rollout) => {
    await rollout.until('at 10 %', ({ percent }) => percent === 10);
    await rollout.handle.signal('hold', { by: 'ada', reason: 'lunch' });
    await rollout.untilState('held');
    for (let sent = 0; sent < SIGNALS; sent += AT_ONCE)
      await Promise.all(
        Array.from({ length: AT_ONCE }, () => rollout.handle.signal('hold', { by: 'bob', reason: 'a look' })),
      );
    const counted = await rollout.until('all of them', ({ timeline }) =>
      timeline.some(({ times }) => times === SIGNALS),
    );
    expect(counted.timeline.filter(({ text }) => text.includes('a look'))).toHaveLength(1);
    await rollout.handle.signal('rollback');
    expect(await rollout.handle.result()).toMatchObject({ outcome: 'rolledBack' });
    const calls = world.calls.filter((name) => name === 'record').length;
    expect(calls).toBeLessThan(20);
  });
  const records = world.decisions.filter(({ reason }) => reason.includes('a look'));
  expect(records.map(({ who }) => who)).toEqual(['bob', 'repeated']);
  expect(records[1]?.reason).toContain(`(${SIGNALS} times)`);
  expect(world.pages.filter(({ text }) => text.includes('a look'))).toEqual([]);
}, 180_000);
