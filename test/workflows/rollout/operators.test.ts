import { ApplicationFailure } from '@temporalio/common';
import { Client, WorkflowFailedError, WorkflowUpdateFailedError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ControlChange } from '../../../domain/control/change.ts';
import { percentOf, traffic } from '../../support/control-commands.ts';
import type { RolloutStatus } from '../../../domain/rollout/status/status.ts';
import { SEARCH_ATTRIBUTES } from '../../../domain/core/search-attributes.ts';
import { registerSearchAttributes } from '../../../worker/search-attributes.ts';
import { FakeWorld } from '../../support/fake-world.ts';
import { HOUR, MINUTE, TimeSkipping } from '../../support/time-skipping.ts';
import type { Notification } from '../../../domain/notification/notification.ts';

let server: TimeSkipping;
beforeAll(async () => {
  server = await TimeSkipping.create();
});

const measuring = (at: number) => (status: RolloutStatus) =>
  status.percent === at && status.state.endsWith(': measuring');
const held = ({ state }: RolloutStatus) => state === 'held';
const texts = ({ timeline }: RolloutStatus) => timeline.map(({ text }) => text);

describe('a rollback', () => {
  it('in pre-flight ends the run as aborted: no user ever left', async () => {
    const world = new FakeWorld();
    const preflight = hang(world, 'preflight');
    await server.with(world, async (start) => {
      const rollout = await start();
      await preflight.begun;
      await rollout.handle.signal('rollback');
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'aborted' });
      preflight.end();
    });
    expect(world.changes).toEqual([]);
  });

  it('while the candidate loads unloads it', async () => {
    const world = new FakeWorld();
    const loading = hang(world, 'awaitLane');
    await server.with(world, async (start) => {
      const rollout = await start();
      await loading.begun;
      await rollout.handle.signal('rollback');
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'aborted' });
      loading.end();
    });
    expect(world.state).toMatchObject({ percent: 0, lanes: { candidate: null } });
  });

  it.each(['pause', 'hold'] as const)('works after a %s, and a second one changes nothing', async (name) => {
    const world = new FakeWorld();
    await server.with(world, async (start) => {
      const rollout = await start();
      await rollout.until(measuring(25));
      await rollout.handle.signal(name);
      await rollout.pass(MINUTE);
      await rollout.handle.signal('rollback', { reason: 'users complain', by: 'ada' });
      await rollout.handle.signal('rollback').catch(() => {});
      const result = await rollout.handle.result();
      expect(result).toMatchObject({ outcome: 'rolledBack' });
      expect(result.reason).toContain('by ada: users complain');
      expect(await rollout.status()).toMatchObject({ percent: 0, verified: true });
    });
    expect(world.rollbacks).toHaveLength(1);
    expect(world.state).toMatchObject({ percent: 0, epoch: 2 });
  });

  it('waits for nothing that a dead worker had begun for over half a minute', async () => {
    await server.with(new FakeWorld(), async (start) => {
      const rollout = await start();
      await rollout.until(measuring(5));
      await rollout.handle.signal('rollback');
      await rollout.handle.result();
      const { events } = await rollout.handle.fetchHistory();
      const asked = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: one }) => one ?? []);
      const waits = asked.map((one) => [
        one.activityType?.name,
        Math.min(seconds(one.heartbeatTimeout), seconds(one.startToCloseTimeout)),
      ]);
      expect(waits.map(([name]) => name)).toContain('verifyRollback');
      expect(waits.filter(([, wait]) => Number(wait) > 30)).toEqual([]);
    });
  });

  it('that gets through while its page is sent again: the page is sent all the same', async () => {
    const world = new FakeWorld();
    let notified = false;
    world.before = (activity, input) => {
      if (activity === 'rollBackTraffic' && !notified) throw new Error('connect ECONNREFUSED');
      if (activity !== 'notify' || !(input as Notification).title.includes('not get through')) return;
      notified = true;
      if (world.rollbacks.length === 0) throw new Error('the webhook answered 503');
    };
    await server.with(world, async (start) => {
      const rollout = await start();
      await rollout.until(measuring(5));
      await rollout.handle.signal('rollback');
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'rolledBack' });
      const { events } = await rollout.handle.fetchHistory();
      expect(events?.filter((event) => event.activityTaskCancelRequestedEventAttributes)).toEqual([]);
    });
    expect(world.pages.filter(({ title }) => title.includes('not get through'))).toHaveLength(1);
  });

  it('said while people are still being notified that the release has shipped takes users back all the same', async () => {
    const world = new FakeWorld();
    const page = hang(world, 'notify', (input) => (input as { title: string }).title.endsWith(': shipped'));
    await server.with(world, async (start, env) => {
      const rollout = await start();
      const result = rollout.handle.result();
      await page.begun;
      world.keepPrevious();
      await rollout.handle.signal('rollback', { reason: 'users complain', by: 'ada' });
      await expect.poll(() => world.state.lanes.stable.release, { timeout: 10_000 }).toBe('v-1');
      page.end();
      expect(await result).toMatchObject({ outcome: 'shipped' });
      expect(texts(await rollout.status()).at(-1)).toBe(
        'rollback by ada: users complain begins rollback/retriever: the rollout has ended: shipped',
      );
      expect(await env.client.workflow.getHandle('rollback/retriever').result()).toMatchObject({
        outcome: 'rolledBack',
        verified: true,
      });
    });
    expect(world.rollbacks.at(-1)).toMatchObject({ by: 'ada', reason: 'users complain' });
    expect(world.state.rollbacks.at(-1)).toMatchObject({ to: 'v-1' });
  });

  it('interrupts a raise that hangs, which then changes nothing any more', async () => {
    const world = new FakeWorld();
    const raise = hang(world, 'changeTraffic', (input) => percentOf(input as ControlChange) === 25);
    await server.with(world, async (start) => {
      const rollout = await start();
      const result = rollout.handle.result();
      await raise.begun;
      await rollout.handle.signal('rollback');
      expect(await result).toMatchObject({ outcome: 'rolledBack' });
      raise.end();
    });
    expect(world.state.percent).toBe(0);
  });

  it.each([
    ['the gateway is down', 5, new Error('connect ECONNREFUSED')],
    ['the gateway is down', 100, new Error('connect ECONNREFUSED')],
    ['the gateway refuses it for good', 5, ApplicationFailure.nonRetryable('answered 422')],
  ])('while %s, with %s in a hundred users, is tried again and pages', async (_why, percent, failure) => {
    const world = new FakeWorld();
    const late = untilPaged(world, failure);
    await server.with(world, async (start) => {
      const rollout = await start();
      await rollout.until(measuring(percent));
      await rollout.handle.signal('rollback');
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'rolledBack' });
      expect(await rollout.status()).toMatchObject({ percent: 0, verified: true });
    });
    expect(late().map(({ severity }) => severity)).toEqual(['critical', 'critical']);
    expect(late()[0]?.text).toContain('bash scripts/rollback_retriever.sh v-1');
  });
});

describe('a signal', () => {
  const ODD: readonly (readonly [string, unknown])[] = [
    ['null', null],
    ['a string', 'the graphs look odd'],
    ['a number', 7],
    ['an array', [{ reason: ['x'] }]],
    ['an object of other things', { reason: { deep: true }, by: 4 }],
  ];
  it.each(ODD)('with %s counts all the same', async (_what, payload) => {
    await server.with(new FakeWorld(), async (start) => {
      const rollout = await start();
      await rollout.until(measuring(5));
      await rollout.handle.signal('hold', payload);
      await rollout.until(held, MINUTE);
      await rollout.handle.signal('rollback', payload);
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'rolledBack' });
    });
  });

  it('whose payload cannot be decoded counts, and a later rollback is heard', async () => {
    await server.with(new FakeWorld(), async (start, env) => {
      const rollout = await start();
      await rollout.until(measuring(5));
      await undecodable(env, rollout.handle.workflowId, 'hold');
      await rollout.until(held, MINUTE);
      await undecodable(env, rollout.handle.workflowId, 'rollback');
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'rolledBack' });
    });
  });
});

describe('pause, hold, resume, advance', () => {
  it('a pause stops the clock of the stage, and resume lets it go on', async () => {
    await server.with(new FakeWorld(), async (start) => {
      const rollout = await start();
      const before = await rollout.until(measuring(25));
      await rollout.handle.signal('pause');
      await rollout.pass(10 * HOUR);
      expect(await rollout.status()).toMatchObject({ state: 'paused', percent: 25, nextDecisionAt: null });
      await rollout.handle.signal('resume');
      const after = await rollout.until(measuring(25), MINUTE);
      expect(Number(after.nextDecisionAt) - Number(before.nextDecisionAt)).toBeGreaterThan(
        10 * HOUR - MINUTE,
      );
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'shipped' });
    });
  });

  it('a hold keeps measuring and does not raise', async () => {
    await server.with(new FakeWorld(), async (start) => {
      const rollout = await start();
      await rollout.until(measuring(5));
      await rollout.handle.signal('hold', { reason: 'demo day', by: 'ada' });
      await rollout.pass(24 * HOUR);
      const status = await rollout.status();
      expect(status).toMatchObject({ state: 'held', percent: 5, verdict: 'pass' });
      expect(status.reason).toBe('held by ada: demo day');
      expect(status.timeline.filter(({ kind }) => kind === 'verdict').length).toBeGreaterThan(5);
      await rollout.handle.signal('resume');
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'shipped' });
    });
  });

  it('[A7] advance ends a wait only after a verdict that passes', async () => {
    await server.with(new FakeWorld(), async (start) => {
      const rollout = await start();
      await rollout.until(measuring(5), MINUTE);
      await rollout.handle.signal('advance');
      const refused = await rollout.status();
      expect(refused.percent).toBe(5);
      expect(texts(refused).at(-1)).toContain('no verdict has passed for canary-5 yet');
      const passed = await rollout.until(({ verdict }) => verdict === 'pass', MINUTE);
      await rollout.handle.signal('advance');
      const raised = await rollout.until(({ percent }) => percent === 25, MINUTE);
      const [from = 0, to = 0] = [passed.timeline.at(-1)?.atMs, raised.timeline.at(-1)?.atMs];
      expect(to - from).toBeLessThan(10 * MINUTE);
    });
  });

  it('updates answer with the status, and are refused in a sentence where they make no sense', async () => {
    await server.with(new FakeWorld(), async (start) => {
      const rollout = await start();
      await rollout.until(measuring(5));
      const refusal = await rollout.handle.executeUpdate('resume').catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(WorkflowUpdateFailedError);
      expect((refusal as WorkflowUpdateFailedError).cause?.message).toBe('it is neither paused nor held');
      const status = await rollout.handle.executeUpdate<RolloutStatus, [unknown]>('hold', {
        args: [{ reason: 'lunch' }],
      });
      expect(status).toMatchObject({ state: 'held', reason: 'held: lunch' });
      await rollout.handle.executeUpdate('rollback');
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'rolledBack' });
    });
  });
});

describe('what the guard sees', () => {
  it('[H3] a breach rolls back, with its reason', async () => {
    await server.with(new FakeWorld(), async (start) => {
      const rollout = await start();
      await rollout.until(measuring(50));
      await rollout.guardSees({ kind: 'breach', trigger: 'gross errors', reason: 'error rate 24 % of 60' });
      const result = await rollout.handle.result();
      expect(result).toMatchObject({ outcome: 'rolledBack' });
      expect(result.reason).toContain('error rate 24 % of 60');
    });
  });

  it.each([5, 100])(
    '[E2.1] a breach that begins at %s %% pages at once with the command, and nothing else yet',
    async (percent) => {
      const world = new FakeWorld();
      await server.with(world, async (start) => {
        const rollout = await start();
        await rollout.until(measuring(percent));
        await rollout.guardSees({
          kind: 'breaching',
          trigger: 'error rate',
          reason: 'error rate: 3 % of 400',
          stableToo: false,
        });
        await rollout.pass(MINUTE);
        const page = world.pages.find(({ severity }) => severity === 'critical');
        expect(page?.text).toContain('error rate: 3 % of 400');
        expect(page?.text).toContain('bash scripts/rollback_retriever.sh v-1');
        expect(await rollout.status()).toMatchObject({ percent, outcome: null });
        // The guard watches on, and what lasts is taken back.
        await rollout.guardSees({ kind: 'breach', trigger: 'error rate', reason: 'for 10 min' });
        expect(await rollout.handle.result()).toMatchObject({ outcome: 'rolledBack' });
      });
    },
  );

  it('both lanes bad holds: going back would not help', async () => {
    await server.with(new FakeWorld(), async (start) => {
      const rollout = await start();
      await rollout.until(measuring(25));
      await rollout.guardSees({
        kind: 'baselineAlsoFailing',
        trigger: 'slow',
        reason: 'P95 31 ms and 30 ms',
      });
      const status = await rollout.until(held, MINUTE);
      expect(status.percent).toBe(25);
      expect(status.reason).toContain('a rollback would not help');
    });
  });

  it('a blind guard holds; blind for too long it takes the share to 0, and resume begins the stage again', async () => {
    const world = new FakeWorld();
    await server.with(world, async (start) => {
      const rollout = await start();
      await rollout.until(measuring(25));
      await rollout.guardSees({ kind: 'noTelemetry', reason: 'no metrics for 2 minutes' });
      expect(await rollout.until(held, MINUTE)).toMatchObject({ percent: 25 });
      await rollout.guardSees({ kind: 'noTelemetryTimeout', reason: 'no metrics for 30 minutes' });
      await rollout.until(({ percent }) => percent === 0, MINUTE);
      expect(await rollout.status()).toMatchObject({ state: 'held' });
      await rollout.handle.signal('resume');
      const again = await rollout.until(({ percent }) => percent === 25, MINUTE);
      expect(again.state).toBe('ramp-25: warming up');
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'shipped' });
    });
  });

  it('a hold while a raise hangs uses up its key: what arrives late changes nothing', async () => {
    const world = new FakeWorld();
    const raise = hang(world, 'changeTraffic', (input) => percentOf(input as ControlChange) === 25);
    await server.with(world, async (start) => {
      const rollout = await start();
      const passing = rollout.pass(3 * HOUR);
      await raise.begun;
      await rollout.guardSees({
        kind: 'baselineAlsoFailing',
        trigger: 'slow',
        reason: 'P95 31 ms and 30 ms',
      });
      await expect.poll(() => world.state.steps.length, { timeout: 10_000 }).toBe(3);
      raise.end();
      await expect.poll(() => world.changes.filter((change) => percentOf(change) === 25)).toHaveLength(1);
      expect(world.state.percent).toBe(5);
      expect(await rollout.status()).toMatchObject({ state: 'held', percent: 5 });
      await passing;
      await rollout.handle.signal('resume');
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'shipped' });
    });
  });

  it('a lost lease is held at 0 %, and resume begins the stage again: never a silent raise', async () => {
    const world = new FakeWorld();
    await server.with(world, async (start) => {
      const rollout = await start();
      await rollout.until(measuring(25));
      world.loseLease();
      const { lastIntervention: intervention, interventions } = world.state;
      if (intervention === null) throw new Error('the lease was lost without an intervention');
      await rollout.guardSees({ kind: 'intervened', intervention, interventions, percent: 0 });
      const status = await rollout.until(held, MINUTE);
      expect(status).toMatchObject({ percent: 0, reason: 'held at 0 %, lease lost' });
      await rollout.pass(5 * HOUR);
      expect((await rollout.status()).percent).toBe(0);
      expect(world.state.percent).toBe(0);
      await rollout.handle.signal('resume');
      expect(await rollout.until(({ percent }) => percent === 25, MINUTE)).toMatchObject({
        state: 'ramp-25: warming up',
      });
    });
  });

  it('a change by hand that only the fence noticed stops the next raise', async () => {
    const world = new FakeWorld();
    await server.with(world, async (start) => {
      const rollout = await start();
      await rollout.until(measuring(5));
      world.change({ by: 'bob', commands: [traffic(3)] }, Date.now());
      const status = await rollout.until(held);
      expect(status.reason).toContain('bob');
      expect(world.state.percent).toBe(3);
    });
  });

  it('a newer epoch ends the run as superseded', async () => {
    const world = new FakeWorld();
    await server.with(world, async (start) => {
      const rollout = await start();
      await rollout.until(measuring(5));
      const expected = { owner: world.state.owner, epoch: world.state.epoch };
      world.command(
        { kind: 'takeEpoch', body: { owner: 'rollback/retriever', key: 'x', expected } },
        Date.now(),
      );
      const result = await rollout.handle.result();
      expect(result).toMatchObject({ outcome: 'supersededByRollback' });
    });
    // Whoever took over owns the traffic: the run that lost it leaves it alone.
    expect(world.changes.map(percentOf).at(-1)).toBe(25);
    expect(world.state.percent).toBe(5);
  });
});

describe('a rollout whose epoch is taken by a rollback before its own call arrives', () => {
  it('ends as superseded, and loads nothing', async () => {
    const world = new FakeWorld();
    world.before = (activity) => {
      if (activity !== 'takeEpoch') return;
      const expected = { owner: world.state.owner, epoch: world.state.epoch };
      world.command({ kind: 'takeEpoch', body: { owner: 'ada', key: 'by hand', expected } }, Date.now());
      world.before = () => {};
    };
    await server.with(world, async (start) => {
      const rollout = await start();
      expect(await rollout.handle.result()).toMatchObject({
        outcome: 'supersededByRollback',
        reason: 'ada took over before T0, with epoch 1',
      });
    });
    expect(world.changes).toEqual([]);
    expect(world.state).toMatchObject({ owner: 'ada', percent: 0, lanes: { candidate: null } });
  });
});

describe('the workflow rollback', () => {
  // By a client that lets no time be skipped while it waits.
  const rollBack = (env: TestWorkflowEnvironment, input: unknown) =>
    new Client({ connection: env.connection }).workflow.execute('rollback', {
      args: [input],
      taskQueue: 'rollout',
      workflowId: 'rollback/retriever',
    });

  it('takes over from a running rollout, which ends as superseded', async () => {
    const world = new FakeWorld();
    await server.with(world, async (start, env) => {
      const rollout = await start();
      await rollout.until(measuring(25));
      expect(await rollBack(env, null)).toMatchObject({ outcome: 'rolledBack', verified: true });
      expect(world.state).toMatchObject({ percent: 0, lanes: { stable: { release: 'v-1' } } });
      await rollout.guardSees({ kind: 'superseded', reason: 'rollback/retriever took over with epoch 2' });
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'supersededByRollback' });
    });
    expect(world.state.percent).toBe(0);
  });

  it('pages until it gets through', async () => {
    const world = new FakeWorld();
    const late = untilPaged(world, new Error('connect ECONNREFUSED'));
    await server.with(world, async (_start, env) => {
      const handle = await env.client.workflow.start('rollback', {
        args: [{ to: 'v-1' }],
        taskQueue: 'rollout',
        workflowId: 'rollback/retriever',
      });
      expect(await handle.result()).toMatchObject({ outcome: 'rolledBack' });
    });
    expect(late().map(({ severity }) => severity)).toEqual(['critical', 'critical']);
    expect(late()[0]?.text).toContain('bash scripts/rollback_retriever.sh v-1');
  });

  it('[E5] without a release goes back to the one before, after a promotion', async () => {
    const world = new FakeWorld();
    await server.with(world, async (start, env) => {
      expect(await (await start()).handle.result()).toMatchObject({ outcome: 'shipped' });
      world.keepPrevious();
      expect(await rollBack(env, undefined)).toMatchObject({ outcome: 'rolledBack', verified: true });
    });
    expect(world.state.lanes.stable.release).toBe('v-1');
  });

  it.each([
    ['nothing', undefined, null],
    ['null', null, null],
    ['a text', 'users complain', 'the input is no object, but "users complain": taken as the reason'],
    ['a list', ['v-1'], 'the input is no object, but ["v-1"]: left out'],
    ['a number', 7, 'the input is no object, but 7: left out'],
    [
      'an unknown field',
      { release: 'v-1' },
      'release: unknown field, left out; there are method, to, reason, by',
    ],
    ['a release that is a number', { to: 1 }, 'to: must be a text, not 1; left out'],
    ['an empty release', { to: '' }, 'to: must be a text, not ""; left out'],
    [
      'an unknown method',
      { method: 'undo' },
      'method: must be one of release, flags, kubernetes, not "undo"; release is used',
    ],
    ['a reason that is a list', { reason: ['a'] }, 'reason: must be a text, not ["a"]; left out'],
  ])('with %s takes users back all the same, and notes what it could not use', async (_what, input, says) => {
    const world = new FakeWorld();
    const notes = says === null ? [] : [says];
    await server.with(world, async (start, env) => {
      await (await start()).until(({ percent }) => percent === 5);
      expect(await rollBack(env, input)).toMatchObject({ outcome: 'rolledBack', verified: true, notes });
    });
    expect(world.state.percent).toBe(0);
    const page = world.pages.find(({ title }) => title === 'rolled back');
    expect(page?.text.split('\n').slice(1)).toEqual(notes);
    const draft = world.postmortems.find(({ workflowId }) => workflowId.startsWith('rollback/'));
    expect(draft?.timeline.slice(1).map(({ text }) => text)).toEqual(notes);
  });

  it('to a release that the gateway does not take fails, and pages', async () => {
    const world = new FakeWorld();
    world.before = (activity) => {
      if (activity === 'rollBackTraffic')
        throw ApplicationFailure.nonRetryable('POST /control/rollback answered 422: there is no release v-9');
    };
    await server.with(world, async (_start, env) => {
      const failure = await rollBack(env, { to: 'v-9' }).catch((error: unknown) => error);
      expect((failure as WorkflowFailedError).cause?.message).toContain('there is no release v-9');
    });
    expect(world.pages).toMatchObject([
      { severity: 'critical', title: 'a rollback was not carried out', text: expect.stringContaining('v-9') },
    ]);
  });
});

describe('cancelling', () => {
  it('takes users back to stable', async () => {
    const world = new FakeWorld();
    await server.with(world, async (start) => {
      const rollout = await start();
      await rollout.until(measuring(25));
      await rollout.handle.cancel();
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'cancelled' });
    });
    expect(world.state).toMatchObject({ percent: 0, lanes: { stable: { release: 'v-1' } } });
  });
});

describe('wrong input', () => {
  const WRONG: readonly (readonly [string, unknown, string])[] = [
    ['an unknown field', { candidate: 'retriever_v0', percentage: 5 }, 'percentage: unknown field'],
    ['no candidate', {}, 'candidate: is missing'],
    ['a path as a release', { candidate: '../etc' }, 'candidate: must be a name'],
    ['no object', 'retriever_v0', 'the input must be an object'],
    ['another service than its id', { candidate: 'retriever_v0', service: 'ads' }, 'rollout/ads'],
    ['an unknown plan', { candidate: 'retriever_v0', plan: 'runbook-49h' }, 'runbook-49h'],
  ];
  it.each(WRONG)('%s fails the workflow with a message that names it', async (_what, input, says) => {
    const world = new FakeWorld();
    await server.with(world, async (start) => {
      const failure = await (await start(input)).handle.result().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(WorkflowFailedError);
      expect((failure as WorkflowFailedError).cause?.message).toContain(says);
    });
    expect(world.changes).toEqual([]);
  });
});

describe('a server without search attributes', () => {
  it('learns how to add them, and rollouts run without', async () => {
    await server.with(new FakeWorld(), async (start, env) => {
      const registered = await registerSearchAttributes(env.nativeConnection, 'default', SEARCH_ATTRIBUTES);
      expect(registered).toMatchObject({
        kind: 'notRegistered',
        command: expect.stringContaining('--name RolloutVerdict --type Keyword'),
      });
      expect(await (await start()).handle.result()).toMatchObject({ outcome: 'shipped' });
    });
  });
});

/** No rollback gets through before the operator was notified twice that it does not; returns those pages. */
function untilPaged(world: FakeWorld, failure: Error) {
  const late = () => world.pages.filter(({ title }) => title.includes('does not get through'));
  world.before = (activity) => {
    if (activity === 'rollBackTraffic' && late().length < 2) throw failure;
  };
  return late;
}

/** Makes an activity wait before its work, from when it has begun until it may end. */
function hang(world: FakeWorld, activity: string, which: (input: unknown) => boolean = () => true) {
  let begin: () => void = () => {};
  let end: () => void = () => {};
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const ended = new Promise<void>((resolve) => (end = resolve));
  world.before = async (name, input) => {
    if (name !== activity || !which(input)) return;
    begin();
    await ended;
  };
  return { begun, end };
}

/** A payload in an encoding that nobody here knows. */
async function undecodable(env: TestWorkflowEnvironment, workflowId: string, signalName: string) {
  const payload = { metadata: { encoding: Buffer.from('binary/encrypted') }, data: Buffer.from([1, 2, 3]) };
  await env.client.workflowService.signalWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId },
    signalName,
    input: { payloads: [payload] },
  });
}

/** No time-out is none that ends in time. */
function seconds(duration: { readonly seconds?: unknown } | null | undefined): number {
  return Number(duration?.seconds ?? 0) || Infinity;
}
