import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DevRollout } from '../../support/dev-server.ts';
import { DevServer } from '../../support/dev-server.ts';
import { FakeWorld } from '../../support/fake-world.ts';
import { TimeSkipping } from '../../support/time-skipping.ts';

const SIGNALS = 1_000;
const AT_ONCE = 100;
/** Temporal takes 10,000 in one execution. */
const MANY = 9_900;
/** The SDK notes a stack for each promise: longer ones make a signal as dear as it is on a busy machine. */
const SLOW = 'Error.stackTraceLimit = 100;';

let server: DevServer;
beforeAll(async () => {
  const { code } = await TimeSkipping.create();
  server = await DevServer.create({ code: `${SLOW}${code}` }, { thread: true });
});
afterAll(async () => {
  await server?.close();
});

async function held(rollout: DevRollout): Promise<void> {
  await rollout.until('at 10 %', ({ percent }) => percent === 10);
  await rollout.handle.signal('hold', { by: 'ada', reason: 'lunch' });
  await rollout.untilState('held');
}

async function holds({ handle }: DevRollout, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += AT_ONCE)
    await Promise.all(
      Array.from({ length: AT_ONCE }, () => handle.signal('hold', { by: 'bob', reason: 'a look' })),
    );
}

it(`${SIGNALS} equal holds are one line and two records with their count, and a rollback is heard`, async () => {
  const world = new FakeWorld({ plansDir: 'test/fixtures/plans' });
  const input = { candidate: 'r-2', plan: 'long-canary' };
  await server.rollout(world.activities(), input, async (rollout) => {
    await held(rollout);
    await holds(rollout, SIGNALS);
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

it(`${MANY} holds in one workflow task leave the worker alive, and the rollback behind them is heard`, async () => {
  const world = new FakeWorld({ plansDir: 'test/fixtures/plans' });
  const input = { candidate: 'r-2', plan: 'long-canary' };
  await server.rollout(world.activities(), input, async (rollout) => {
    await held(rollout);
    await rollout.withoutWorkers(async () => {
      await holds(rollout, MANY);
      await rollout.handle.signal('rollback');
    });
    expect(await rollout.handle.result()).toMatchObject({ outcome: 'rolledBack' });
  });
}, 180_000);
