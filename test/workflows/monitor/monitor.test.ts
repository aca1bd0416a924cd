import type { WorkflowFailedError, WorkflowHandle } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import {
  DefaultLogger,
  Runtime,
  Worker,
  bundleWorkflowCode,
  makeTelemetryFilterString,
} from '@temporalio/worker';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { longTaskQueue } from '../../../domain/core/task-queues.ts';
import type { MonitorStatus } from '../../../domain/alerts/monitor-status.ts';
import { payloadConverterPath } from '../../../worker/bundle.ts';
import { MINUTE, ROLLOUT, SCENE, START } from '../../support/alert-polls.ts';
import { MonitorWorld, SLOW } from '../../support/monitor-world.ts';

const ROOT = new URL('../../../', import.meta.url).pathname;
const TASK_QUEUE = 'monitor';
const ID = 'monitor/retriever';

let code: string;
beforeAll(async () => {
  const filter = makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' });
  Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { filter } } });
  const bundle = await bundleWorkflowCode({
    workflowsPath: `${ROOT}test/support/monitor-bundle.ts`,
    payloadConverterPath: payloadConverterPath(),
    logger: new DefaultLogger('ERROR'),
  });
  code = bundle.code;
});

interface Watched {
  readonly env: TestWorkflowEnvironment;
  readonly handle: WorkflowHandle;
  status(): Promise<MonitorStatus>;
}

/** A monitor on that world, on a server of its own. */
async function watching(
  world: MonitorWorld,
  body: (watched: Watched) => Promise<void>,
  input: unknown = {},
): Promise<void> {
  const env = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: `${ROOT}.data/bin/temporal-test-server` } },
  });
  world.signal = (workflowId, name, payload) =>
    env.client.workflow.getHandle(workflowId).signal(name, payload);
  const every = { connection: env.nativeConnection, activities: world.activities() };
  const workers = await Promise.all([
    Worker.create({ ...every, taskQueue: TASK_QUEUE, workflowBundle: { code } }),
    Worker.create({ ...every, taskQueue: longTaskQueue(TASK_QUEUE) }),
  ]);
  const running = Promise.all(workers.map((worker) => worker.run()));
  try {
    const handle = await env.client.workflow.start('monitor', {
      args: [input],
      taskQueue: TASK_QUEUE,
      workflowId: ID,
    });
    await body({ env, handle, status: () => handle.query<MonitorStatus>('alerts') });
    await handle.terminate().catch(() => {});
  } finally {
    world.end();
    for (const worker of workers) worker.shutdown();
    await running;
    await env.teardown();
  }
}

/** Waits until it holds: the monitor's clock is the world's, and this one waits for its work alone. */
const until = (holds: () => void | Promise<void>) => vi.waitFor(holds, { timeout: 20_000, interval: 20 });
const reached = (world: MonitorWorld, minute: number) => {
  world.runTo(minute);
  return until(() => expect(world.minute).toBe(minute));
};
/** Messages as `minute alert`: when it began, by its key. */
const pages = ({ notifications }: MonitorWorld) =>
  notifications.map(({ title, dedupeKey }) => {
    const sinceMs = Number(/\/(\d+)\/[a-z]+/.exec(dedupeKey)?.[1]);
    return `${(sinceMs - START) / MINUTE} ${title.split(':')[0]}`;
  });

describe('a monitor', () => {
  it('[T1] pages after ten minutes and not before, once while it lasts, and says when it is over', async () => {
    const world = new MonitorWorld();
    world.candidate = (minute) => (minute < 30 ? SLOW : {});
    await watching(world, async ({ status }) => {
      await reached(world, 9);
      expect(pages(world)).toEqual([]);
      await reached(world, 29);
      await until(() => expect(pages(world)).toEqual(['10 p95-critical']));
      expect(world.notifications[0]).toMatchObject({
        severity: 'critical',
        text: expect.stringContaining('users back: '),
      });
      expect(await status()).toMatchObject({
        blind: false,
        firing: [
          { name: 'p95-critical', lane: 'candidate', release: 'retriever_v0', since: START + 10 * MINUTE },
        ],
      });
      await reached(world, 40);
      await until(() => expect(world.notifications.at(-1)?.title).toContain('resolved'));
      expect((await status()).firing).toEqual([]);
    });
  });

  it('is continued as new after two hours with what it knows, and its history stays small', async () => {
    const world = new MonitorWorld();
    world.candidate = () => SLOW;
    await watching(world, async ({ env, handle, status }) => {
      const { runId: first } = await handle.describe();
      // Longer than one run lasts.
      await reached(world, 3 * 60);
      await until(async () => expect((await handle.describe()).runId).not.toBe(first));
      const { historyLength } = await env.client.workflow.getHandle(ID, first).describe();
      expect(historyLength).toBeLessThan(150);
      expect(world.stretches).toHaveLength(2);
      // Known from the run before: no second page, only reminders.
      expect(world.notifications.filter(({ title }) => title.startsWith('p95-critical: P95'))).toHaveLength(
        1,
      );
      await until(async () => expect((await status()).firing[0]?.since).toBe(START + 10 * MINUTE));
    });
  });

  it('that sees nothing says so, and calls nothing resolved', async () => {
    const world = new MonitorWorld();
    world.candidate = (minute) => (minute < 12 ? SLOW : 'gone');
    await watching(world, async ({ status }) => {
      await reached(world, 60);
      await until(() => expect(pages(world)).toEqual(['10 p95-critical', '14.5 blind']));
      expect(await status()).toMatchObject({
        blind: true,
        firing: [{ name: 'p95-critical' }, { name: 'blind' }],
      });
    });
  });

  it('goes on where nobody takes its messages', async () => {
    const world = new MonitorWorld();
    world.candidate = () => SLOW;
    world.deaf = true;
    await watching(world, async ({ status }) => {
      await reached(world, 50);
      await until(async () => expect((await status()).firing).toHaveLength(1));
    });
  });
});

describe('an incident', () => {
  /** Stable alone, without a rollout. */
  const alone = (world: MonitorWorld) => {
    world.scene = { ...SCENE, run: null };
  };

  it('[H4] leaves one draft when it is over, with who was notified, also where the monitor was continued as new meanwhile', async () => {
    const world = new MonitorWorld();
    alone(world);
    world.candidate = (minute) => (minute < 3 * 60 ? SLOW : {});
    await watching(world, async ({ handle }) => {
      const { runId: first } = await handle.describe();
      await reached(world, 2.5 * 60);
      await until(async () => expect((await handle.describe()).runId).not.toBe(first));
      expect(world.drafts).toEqual([]);
      await reached(world, 4 * 60);
      await until(() => expect(world.drafts).toHaveLength(1));
      const [draft] = world.drafts;
      expect(draft).toMatchObject({
        workflowId: ID,
        unfinished: null,
        incident: {
          id: `p95-critical/candidate/${START + 10 * MINUTE}`,
        },
      });
      expect(draft?.incident.alerts[0]).toMatchObject({
        name: 'p95-critical',
        lane: 'candidate',
        beganMs: START,
        firedMs: START + 10 * MINUTE,
        worst: { kind: 'value', value: expect.closeTo(30, -1) },
      });
      const texts = draft?.incident.timeline.map(({ text }) => text) ?? [];
      expect(texts.filter((text) => text.includes('p95-critical'))).toEqual([
        expect.stringMatching(/^fired: p95-critical /),
        expect.stringMatching(/^notified chat\.example \(slack\), as critical: p95-critical: P95/),
        expect.stringMatching(/^over: p95-critical /),
        expect.stringMatching(/^notified chat\.example \(slack\), as warning: p95-critical: resolved/),
      ]);
    });
  });

  it('says where nobody took the messages, and who tries on', async () => {
    const world = new MonitorWorld();
    alone(world);
    world.deaf = 'for good';
    world.candidate = (minute) => (minute < 30 ? SLOW : {});
    await watching(world, async () => {
      await reached(world, 60);
      await until(() => expect(world.drafts).toHaveLength(1));
      expect(world.drafts[0]?.incident.timeline.map(({ text }) => text)).toContainEqual(
        expect.stringMatching(/^notified the log alone: its webhook took nothing, and is tried on by page/),
      );
    });
  });

  it('that is not over when the monitor is cancelled is written down as it stands', async () => {
    const world = new MonitorWorld();
    alone(world);
    world.candidate = () => SLOW;
    await watching(world, async ({ handle }) => {
      await reached(world, 20);
      await until(() => expect(pages(world)).toEqual(['10 p95-critical']));
      await handle.cancel();
      world.end();
      await until(() => expect(world.drafts).toHaveLength(1));
      expect(world.drafts[0]?.unfinished).toContain('cancelled');
      await until(async () => expect((await handle.describe()).status.name).toBe('CANCELLED'));
    });
  });
});

describe('the rollout under way', () => {
  const startRollout = (env: TestWorkflowEnvironment) =>
    env.client.workflow.start('rollout', { taskQueue: TASK_QUEUE, workflowId: ROLLOUT.workflowId, args: [] });
  const heard = (env: TestWorkflowEnvironment) =>
    env.client.workflow.getHandle(ROLLOUT.workflowId).query<unknown[]>('heard');

  it.each<[string, (world: MonitorWorld) => void, string]>([
    ['[T10] a slow candidate is taken back', (world) => (world.candidate = () => SLOW), 'rollback'],
    ['a monitor that sees nothing holds it', (world) => (world.candidate = () => 'gone'), 'hold'],
  ])('%s', async (_what, happens, signal) => {
    const world = new MonitorWorld();
    happens(world);
    await watching(world, async ({ env }) => {
      const rollout = await startRollout(env);
      world.scene = { ...SCENE, run: { ...ROLLOUT, runId: rollout.firstExecutionRunId } };
      await reached(world, 12);
      await until(async () =>
        expect(await heard(env)).toEqual([
          { name: signal, payload: { reason: expect.any(String), by: ID, run: rollout.firstExecutionRunId } },
        ]),
      );
      await until(() =>
        expect(world.notifications[0]?.text).toContain(`${signal} sent to rollout/retriever`),
      );
      expect(world.notifications[0]?.text).toContain(`run ${rollout.firstExecutionRunId}`);
      world.candidate = () => ({});
      await reached(world, 30);
      await until(() => expect(world.notifications.at(-1)?.title).toContain('resolved'));
      // Who takes users back writes the draft himself.
      await until(() => expect(world.drafts).toHaveLength(signal === 'rollback' ? 0 : 1));
    });
  });

  it('that has ended is no trouble: it pages only', async () => {
    const world = new MonitorWorld();
    world.candidate = () => SLOW;
    await watching(world, async ({ env, status }) => {
      const rollout = await startRollout(env);
      world.scene = { ...SCENE, run: { ...ROLLOUT, runId: rollout.firstExecutionRunId } };
      await rollout.signal('end');
      await rollout.result();
      await reached(world, 30);
      await until(() => expect(pages(world)).toEqual(['10 p95-critical']));
      expect(world.notifications[0]?.text).toContain('rollback not sent to rollout/retriever');
      expect((await status()).firing).toHaveLength(1);
    });
  });
});

describe('a mitigation', () => {
  it('is proposed, unless the rule says that it is to be begun', async () => {
    const world = new MonitorWorld();
    world.contained = 0.7;
    await watching(world, async ({ env }) => {
      await reached(world, 1);
      await until(() =>
        expect(world.notifications.map(({ title }) => title)).toContain(
          'containment-warning: Contain@50 of v-1 is 70 %, under 80 %',
        ),
      );
      await expect(env.client.workflow.getHandle('weeklyMaintenance/retriever').describe()).rejects.toThrow(
        'not found',
      );
    });
  });

  it('that is to be begun is begun, once, and outlives the monitor', async () => {
    const world = new MonitorWorld();
    world.contained = 0.7;
    world.rules = {
      ...world.rules,
      rules: world.rules.rules.map((rule) =>
        rule.name === 'containment-warning'
          ? {
              ...rule,
              mitigate: [
                { do: 'weeklyMaintenance', how: 'start' },
                { do: 'rerankerOff', how: 'start' },
              ],
            }
          : rule,
      ),
    };
    await watching(world, async ({ env, handle }) => {
      await reached(world, 60);
      await until(() => expect(world.notifications[0]?.text).toContain('weeklyMaintenance/retriever begun'));
      await handle.terminate();
      const begun = await env.client.workflow.getHandle('weeklyMaintenance/retriever').describe();
      expect(begun.status.name).toBe('RUNNING');
      expect(world.flags).toEqual([
        expect.objectContaining({
          lane: 'stable',
          by: ID,
          flags: { impl: 'amn_v0', reranker: 'off', nprobe: 8 },
        }),
      ]);
    });
  });
});

describe('a mitigation that refuses its input', () => {
  it('is paged as not begun, with the reason', async () => {
    const world = new MonitorWorld();
    world.contained = 0.7;
    world.rules = {
      ...world.rules,
      rules: world.rules.rules
        .filter(({ name }) => name === 'containment-warning')
        .map((rule) => ({ ...rule, mitigate: [{ do: 'nprobeTuning', how: 'start' }] })),
    };
    await watching(world, async () => {
      await reached(world, 60);
      await until(() =>
        expect(world.notifications[0]?.text).toContain(
          'nprobeTuning/retriever not begun: wrong input: lane: must be stable or candidate',
        ),
      );
    });
  });
});

describe('the rules', () => {
  it('are read again with each run; what an edit broke is reported, and the ones before stay', async () => {
    const world = new MonitorWorld();
    await watching(world, async () => {
      await reached(world, 30);
      world.rulesProblem = 'alert rules runbook: poll: is missing';
      await reached(world, 3 * 60);
      await until(() => expect(world.notifications.map(({ text }) => text)).toContain(world.rulesProblem));
      await reached(world, 4 * 60);
    });
  });

  it.each<[string, unknown, string]>([
    ['an unknown field', { rule: 'runbook' }, 'rule: unknown field; there are service, rules'],
    ['a path', { rules: '../x' }, 'rules: must be a name'],
    ['another service than its id', { service: 'ads' }, 'monitor/ads'],
    ['a text', 'runbook', 'the input must be an object'],
  ])('%s in the input fails the workflow with a message that names it', async (_what, input, says) => {
    await watching(
      new MonitorWorld(),
      async ({ handle }) => {
        const failure = await handle.result().catch((error: unknown) => error);
        expect((failure as WorkflowFailedError).cause?.message).toContain(says);
      },
      input,
    );
  });

  it('that are wrong from the start fail the workflow with what is wrong', async () => {
    const world = new MonitorWorld();
    world.rulesProblem = 'alert rules runbook: poll: is missing';
    await watching(world, async ({ handle }) => {
      const failure = await handle.result().catch((error: unknown) => error);
      expect((failure as WorkflowFailedError).cause?.message).toBe(world.rulesProblem);
    });
  });
});
