import type { WorkflowFailedError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { FakeWorld } from '../../support/fake-world.ts';
import { HOUR, MINUTE, TimeSkipping } from '../../support/time-skipping.ts';
import type { Notification } from '../../../domain/notification/notification.ts';

let server: TimeSkipping;
beforeAll(async () => {
  server = await TimeSkipping.create();
});

const BREACH = { kind: 'breach', trigger: 'gross errors', reason: '30 % errors' } as const;

describe('while no webhook takes a message', () => {
  it('[H1] a rollback ends within minutes, and its pages go out when the webhook is back, an hour later', async () => {
    const world = new FakeWorld();
    const tried = outage(world);
    await server.with(world, async (start, env) => {
      const rollout = await start();
      await rollout.until(({ state }) => state === 'canary-5: measuring', MINUTE);
      tried.begins();
      const beganMs = await env.currentTimeMs();
      await rollout.guardSees(BREACH);
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'rolledBack' });
      expect(((await env.currentTimeMs()) - beganMs) / MINUTE).toBeLessThan(3);
      expect(world.pages).toEqual([]);

      await env.sleep(HOUR);
      tried.ends();
      const critical = tried.messages().find(({ severity }) => severity === 'critical');
      expect(critical?.text).toContain('rollback_retriever.sh v-1');
      const page = env.client.workflow.getHandle(`page/${critical?.dedupeKey}`);
      await page.result();
      expect(world.pages).toContainEqual({
        ...critical,
        text: expect.stringMatching(
          /rollback_retriever\.sh v-1[^]*\nfirst tried at [-0-9]+ [0-9]+:[0-9]+ UTC/,
        ),
      });
    });
  });

  it('a page under way is not stopped by a cancellation', async () => {
    const world = new FakeWorld();
    const tried = outage(world);
    await server.with(world, async (start, env) => {
      const rollout = await start();
      await rollout.until(({ state }) => state === 'canary-5: measuring', MINUTE);
      tried.begins();
      await rollout.guardSees({ ...BREACH, kind: 'breaching', stableToo: false });
      await vi.waitUntil(() => tried.messages().length > 0, { timeout: 10_000 });
      await rollout.handle.cancel();
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'cancelled' });
      tried.ends();
      for (const { dedupeKey } of tried.messages())
        await env.client.workflow.getHandle(`page/${dedupeKey}`).result();
      expect(world.pages.some(({ severity }) => severity === 'critical')).toBe(true);
      expect(world.pages).toHaveLength(tried.messages().length);
    });
  });
});

describe('a page alone', () => {
  const NOTE = { severity: 'warning', title: 'a test', text: 'of the way', dedupeKey: 'test/1' } as const;
  const sent = async (env: TestWorkflowEnvironment, taskQueue: string, input: unknown) =>
    env.client.workflow.execute('page', { args: [input], taskQueue, workflowId: 'page/test' });

  it('delivers what it is given', async () => {
    const world = new FakeWorld();
    await server.serve(world.activities(), (env, taskQueue) => sent(env, taskQueue, NOTE));
    expect(world.pages).toEqual([NOTE]);
  });

  it.each<[Notification['severity'], number]>([
    ['critical', 24],
    ['warning', 2],
  ])('that is %s is tried for %d hours', async (severity, hours) => {
    await server.serve(new FakeWorld().activities(), async (env, taskQueue) => {
      await sent(env, taskQueue, { ...NOTE, severity });
      const { events } = await env.client.workflow.getHandle('page/test').fetchHistory();
      const scheduled = events?.find((event) => Boolean(event.activityTaskScheduledEventAttributes));
      const { scheduleToCloseTimeout, retryPolicy } = scheduled?.activityTaskScheduledEventAttributes ?? {};
      expect(Number(scheduleToCloseTimeout?.seconds)).toBe(hours * 3_600);
      expect(retryPolicy?.maximumAttempts).toBe(0);
    });
  });

  it.each<[unknown, string]>([
    [undefined, 'the input must be an object'],
    [{ ...NOTE, severity: 'loud' }, 'severity: must be one of info, warning, critical, not "loud"'],
    [{ ...NOTE, text: 7 }, 'text: must be a text, not 7'],
    [{ ...NOTE, to: 'ada' }, 'to: unknown field'],
  ])('of %j fails with what is wrong', async (input, says) => {
    await server.serve(new FakeWorld().activities(), async (env, taskQueue) => {
      const failure: unknown = await sent(env, taskQueue, input).catch((error: unknown) => error);
      expect((failure as WorkflowFailedError).cause?.message).toContain(says);
    });
  });
});

/** A webhook that is away from when it begins to when it ends; what was tried meanwhile. */
function outage(world: FakeWorld) {
  let away = false;
  const messages = new Map<string, Notification>();
  const { before } = world;
  world.before = async (activity, input) => {
    await before(activity, input);
    if (activity !== 'notify' || !away) return;
    const message = input as Notification;
    if (!messages.has(message.dedupeKey)) messages.set(message.dedupeKey, message);
    throw new Error('connect ECONNREFUSED');
  };
  return {
    begins: () => {
      away = true;
    },
    ends: () => {
      away = false;
    },
    messages: () => [...messages.values()],
  };
}
