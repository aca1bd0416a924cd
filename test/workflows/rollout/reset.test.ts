import { ApplicationFailure, activityInfo } from '@temporalio/activity';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RolloutActivities } from '../../../domain/contracts/rollout-activities.ts';
import type { ControlChange } from '../../../domain/control/change.ts';
import type { TuningActivities } from '../../../domain/contracts/tuning-activities.ts';
import type { DevRollout } from '../../support/dev-server.ts';
import { DevServer } from '../../support/dev-server.ts';
import { FakeWorld, GOOD } from '../../support/fake-world.ts';
import { started } from '../../support/started.ts';
import { TimeSkipping } from '../../support/time-skipping.ts';

let server: DevServer;
beforeAll(async () => {
  server = await DevServer.create(await TimeSkipping.create());
});
afterAll(async () => {
  await server?.close();
});

/** Of the plan `phases`: what the candidate does, and an activity that hangs until it may go on. */
class PhasesWorld extends FakeWorld {
  sweeping = false;
  private readonly hung: (() => void)[] = [];

  constructor() {
    super({ plansDir: 'test/fixtures/plans' });
    this.qps = 5_000;
  }

  /** Calls of an activity wait; at the end they go on. */
  hang(activity: keyof RolloutActivities, which: (input: never) => boolean = () => true): void {
    this.before = async (name, input) => {
      if (name === activity && which(input as never)) await this.wait();
    };
  }

  wait(): Promise<void> {
    return new Promise((resolve) => this.hung.push(resolve));
  }

  goOn(): void {
    for (const resolve of this.hung) resolve();
    this.before = () => {};
  }

  override activities(): RolloutActivities & Pick<TuningActivities, 'sweepNprobe' | 'recordTuning'> {
    return {
      ...super.activities(),
      sweepNprobe: async () => {
        this.sweeping = true;
        await this.wait();
        return { kind: 'missing', reason: 'the test is over' };
      },
      recordTuning: async () => {},
    };
  }
}

interface Phase {
  readonly phase: string;
  /** Users on the candidate in it. */
  readonly percent: number;
  /** Sets the world up before the rollout starts. */
  readonly prepare?: (world: PhasesWorld) => void;
  /** Until it is in that phase. */
  readonly reach: (rollout: DevRollout, world: PhasesWorld) => Promise<unknown>;
}

const WAIT = { timeout: 60_000, interval: 50 };
const promotes = ({ commands }: ControlChange) => commands[0]?.kind === 'promote';
const state = (name: string) => (rollout: DevRollout) => rollout.untilState(name);

const PHASES: readonly Phase[] = [
  {
    phase: 'pre-flight',
    percent: 0,
    prepare: (world) => world.hang('preflight'),
    reach: (_, world) => vi.waitUntil(() => world.calls.includes('preflight'), WAIT),
  },
  {
    phase: 'the load of the candidate',
    percent: 0,
    prepare: (world) => world.hang('awaitLane'),
    reach: (_, world) => vi.waitUntil(() => world.calls.includes('awaitLane'), WAIT),
  },
  { phase: 'the baseline', percent: 0, reach: state('baseline') },
  { phase: "the first stage's warm-up", percent: 10, reach: state('canary-10: warming up') },
  { phase: "the first stage's window", percent: 10, reach: state('canary-10: measuring') },
  {
    phase: 'the wait for the second stage',
    percent: 10,
    reach: state('canary-10: waiting for the next raise'),
  },
  {
    phase: 'a hold',
    percent: 10,
    reach: async (rollout) => {
      await rollout.untilState('canary-10: warming up');
      await rollout.handle.signal('hold', { by: 'ada' });
      await rollout.untilState('held');
    },
  },
  {
    phase: 'a sweep of the ladder',
    percent: 10,
    prepare: (world) => {
      world.candidate = () => ({ ...GOOD, retrievalP95Ms: 20 });
    },
    reach: (_, world) => vi.waitUntil(() => world.sweeping, WAIT),
  },
  {
    phase: 'an evaluation',
    percent: 50,
    prepare: (world) => world.hang('evaluate'),
    reach: state('ramp-50: evaluating'),
  },
  { phase: "the second stage's window", percent: 50, reach: state('ramp-50: measuring') },
  { phase: '100 %', percent: 100, reach: state('full-100: measuring') },
  {
    phase: 'a promotion',
    percent: 100,
    prepare: (world) => world.hang('changeTraffic', promotes),
    reach: state('full-100: promoting'),
  },
];

/** In the input of the first raise alone. */
const RAISE = '"percent":10,"lease"';
const INPUT = { candidate: 'r-2', plan: 'phases' };

/** Runs a test's body on a rollout in that world; what hangs goes on at its end. */
async function under(
  world: PhasesWorld,
  body: (rollout: DevRollout) => Promise<void>,
  input = INPUT,
): Promise<void> {
  await server.rollout(world.activities(), input, (rollout) => body(rollout).finally(() => world.goOn()));
}

/** Each phase once, by turns to the first and to the last workflow task; `npm run test:long` takes both for each. */
const RESETS = (['first', 'last'] as const).map((to, turn) => ({
  to,
  phases: PHASES.filter((_, i) => process.env['LONG'] === 'yes' || i % 2 === turn),
}));

describe.concurrent.each(RESETS)('a rollout that is reset to its $to workflow task', ({ to, phases }) => {
  it.each(phases)(
    'in $phase hears a rollback: users are back',
    async ({ percent, prepare, reach }) => {
      const world = new PhasesWorld();
      prepare?.(world);
      await under(world, async (rollout) => {
        await reach(rollout, world);
        expect(world.state.percent).toBe(percent);
        await rollout.reset(to);
        await rollout.handle.signal('rollback', { by: 'ada' });
        expect(['rolledBack', 'aborted']).toContain((await rollout.handle.result()).outcome);
        const { state: control } = world;
        expect([control.percent, control.restoring, control.lanes.stable.release]).toEqual([0, null, 'v-1']);
        expect(await failedTasks(rollout)).toEqual([]);
      });
    },
    120_000,
  );
});

describe('a rollout whose page was handed over', () => {
  it('goes on after a reset, and hears a rollback', async () => {
    const world = new PhasesWorld();
    world.before = (activity) => {
      if (activity !== 'notify') return;
      // No webhook: what a rollout gives up, its page goes on with.
      const { workflowType } = activityInfo();
      throw workflowType === 'page' ? new Error('refused') : ApplicationFailure.nonRetryable('refused');
    };
    await under(world, async (rollout) => {
      await rollout.untilState('canary-10: warming up');
      await rollout.handle.signal('hold', { by: 'ada' });
      const handedOver = async () =>
        (await rollout.events()).some(
          (event) => event.childWorkflowExecutionStartedEventAttributes?.workflowType?.name === 'page',
        );
      await vi.waitUntil(handedOver, WAIT);
      await rollout.reset('last');
      await rollout.untilState('held');
      await rollout.handle.signal('rollback', { by: 'ada' });
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'rolledBack' });
      expect(world.state.percent).toBe(0);
      expect(await failedTasks(rollout)).toEqual([]);
    });
  }, 120_000);
});

describe('after a reset to before what was done', () => {
  it('a share that is not the one it knows holds it, and resume begins the stage again: no silent raise', async () => {
    const world = new PhasesWorld();
    await under(world, async (rollout) => {
      await rollout.until('at 50 %', ({ percent }) => percent === 50);
      await rollout.reset({ after: RAISE });
      const held = await rollout.untilState('held');
      expect(held.reason).toMatch(/^50 % of users are on r-2, and this run knows of 10 %: it was reset/);
      expect(world.state.percent).toBe(50);
      await rollout.handle.signal('resume');
      await rollout.until('at its stage again', ({ percent }) => percent === 10);
      expect(world.state.percent).toBe(10);
      // The same steps again are new ones: it comes to the next stage as it did before.
      await rollout.until('at 50 % again', ({ percent }) => percent === 50);
      expect(world.state.percent).toBe(50);
    });
  }, 120_000);

  it('what it decides again pages and is recorded again, in the log of the same run', async () => {
    const world = new PhasesWorld();
    const held = () => world.pages.filter(({ title }) => title.includes('is held'));
    await under(world, async (rollout) => {
      await rollout.untilState('canary-10: warming up');
      await rollout.handle.signal('hold', { by: 'ada' });
      await vi.waitUntil(() => held().length === 1, WAIT);
      // The signal comes again with the reset.
      await rollout.reset({ after: RAISE });
      await vi.waitUntil(() => held().length === 2, WAIT);
      await vi.waitUntil(
        () => world.decisions.filter(({ action }) => action.startsWith('holds at')).length === 2,
        WAIT,
      );
    });
    expect(new Set(held().map(({ dedupeKey }) => dedupeKey)).size).toBe(2);
    const holds = world.decisions.filter(({ action }) => action.startsWith('holds at'));
    expect(new Set(holds.map(({ runId }) => runId)).size).toBe(1);
    expect(new Set(holds.map(({ number, atMs }) => `${number}/${atMs}`)).size).toBe(2);
  }, 120_000);

  it('its guard is its own: a breach takes users back', async () => {
    const world = new PhasesWorld();
    await under(
      world,
      async (rollout) => {
        await rollout.until('at 10 %', ({ percent }) => percent === 10);
        const left = await started(rollout.guard);
        await rollout.reset('first');
        await started(rollout.guard, left);
        await rollout.guard.signal('guardEvent', {
          kind: 'breach',
          trigger: 'errors',
          reason: '30 % errors',
        });
        expect(await rollout.handle.result()).toMatchObject({ outcome: 'rolledBack' });
      },
      { ...INPUT, plan: 'long-canary' },
    );
    expect(world.state.percent).toBe(0);
  }, 120_000);
});

/**
 * What a worker answered with a failure, such as a non-determinism (TMPRL1100); a reset itself is none,
 * nor is a message that came while it answered. */
async function failedTasks(rollout: DevRollout): Promise<unknown[]> {
  return (await rollout.events()).flatMap(({ workflowTaskFailedEventAttributes: failed }) =>
    failed?.failure &&
    !failed.failure.resetWorkflowFailureInfo &&
    failed.failure.message !== 'UnhandledCommand'
      ? [failed.failure.message]
      : [],
  );
}
