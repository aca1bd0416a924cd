import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createNotify } from '../../../activities/notification/send.ts';
import type { RolloutActivities } from '../../../domain/contracts/rollout-activities.ts';
import type { MonitorStatus } from '../../../domain/alerts/monitor-status.ts';
import type { evaluation } from '../../../workflows/evaluation/evaluation.ts';
import type { TestServer } from '../../support/http-server.ts';
import { startServer } from '../../support/http-server.ts';
import { SCENE } from '../../support/alert-polls.ts';
import { EvaluationWorld } from '../../support/evaluation-world.ts';
import { MonitorWorld } from '../../support/monitor-world.ts';
import { TimeSkipping } from '../../support/time-skipping.ts';
import type { Notification } from '../../../domain/notification/notification.ts';

let server: TimeSkipping;
beforeAll(async () => {
  server = await TimeSkipping.create();
});

let hook: TestServer;
beforeEach(async () => {
  hook = await startServer(() => ({ status: 200, body: 'ok' }));
});
afterEach(() => hook.close());

const until = (holds: () => void | Promise<void>) => vi.waitFor(holds, { timeout: 20_000, interval: 20 });
/** What people got, by the first words of its title. */
const notified = () => {
  const titles = hook.received.map(({ body }) => (body as Notification).title);
  return titles.map((title) => title.slice(0, title.indexOf(':'))).toSorted((a, b) => a.localeCompare(b));
};

/** A nightly evaluation that lost 20 points of R@5 and 20 of Contain@50, and a monitor that reads what it wrote. */
class Both {
  readonly nightly = new EvaluationWorld();
  readonly monitor = new MonitorWorld();
  /** Messages that were to be sent. */
  readonly asked: Notification[] = [];
  private readonly notifier: Pick<RolloutActivities, 'notify'>;

  constructor() {
    const route = { url: hook.url, format: 'json', key: '' } as const;
    const routes = { critical: route, warning: route, info: null };
    this.notifier = createNotify({ routes, log: () => {}, sentFile: null });
    this.nightly.rAt5 = 0.6;
    this.nightly.containAt50 = 0.7;
    this.monitor.scene = { ...SCENE, candidate: null, run: null };
    this.monitor.evaluations = [];
    this.nightly.wrote = ({ atMs, release, queries, R_at_5: rAt5, Contain_at_50: containAt50 }) => {
      const of = { rAt5, expectedRAt5: 0.8, containAt50, rerankLift: 0.05 };
      this.monitor.evaluations = [{ kind: 'nightly', atMs, release, queries, ...of }];
    };
  }

  /** A server and workers for either; while a monitor polls, the clock of its server stands still. */
  serve(body: (env: TestWorkflowEnvironment, taskQueue: string) => Promise<void>): Promise<void> {
    const notify = async (note: Notification) => {
      const sent = await this.notifier.notify(note);
      this.asked.push(note);
      return sent;
    };
    return server.serve({ ...this.monitor.activities(), ...this.nightly.activities(), notify }, body);
  }
}

const evaluate = (env: TestWorkflowEnvironment, taskQueue: string) =>
  env.client.workflow.start<typeof evaluation>('evaluation', {
    args: [],
    taskQueue,
    workflowId: 'evaluation/nightly',
  });
function watch(env: TestWorkflowEnvironment, taskQueue: string, world: MonitorWorld) {
  const { workflow } = env.client;
  world.signal = (to, name, payload) => workflow.getHandle(to).signal(name, payload);
  return workflow.start('monitor', { args: [], taskQueue, workflowId: 'monitor/retriever' });
}

describe('one evaluation that drifted', () => {
  it('[W4] is sent by the monitor that watches it, with the way back, and not by the evaluation as well', async () => {
    const both = new Both();
    both.nightly.watched = true;
    await both.serve(async (env, taskQueue) => {
      const nightly = await evaluate(env, taskQueue);
      await until(() => expect(both.monitor.evaluations).toHaveLength(1));
      await both.serve(async (other, queue) => {
        const monitor = await watch(other, queue, both.monitor);
        both.monitor.runTo(2);
        await until(() => expect(notified()).toEqual(['containment-warning', 'recall-critical']));
        expect((await nightly.result()).rules).toEqual({ by: 'monitor' });
        both.monitor.end();
        await monitor.terminate();
      });
    });
    expect(both.asked).toHaveLength(2);
    expect(notified()).toEqual(['containment-warning', 'recall-critical']);
    expect(JSON.stringify(hook.received)).toContain('users back: ');
  });

  it('is sent by the evaluation where no monitor runs, and not again by one that is started later', async () => {
    const both = new Both();
    await both.serve(async (env, taskQueue) => {
      await (await evaluate(env, taskQueue)).result();
      expect(notified()).toEqual(['containment-warning', 'recall-critical']);
      const monitor = await watch(env, taskQueue, both.monitor);
      both.monitor.runTo(2);
      await until(() => expect(both.asked).toHaveLength(4));
      expect(notified()).toEqual(['containment-warning', 'recall-critical']);
      const { firing } = await monitor.query<MonitorStatus>('alerts');
      expect(firing.map(({ name }) => name)).toEqual(['recall-critical', 'containment-warning']);
      both.monitor.end();
      await monitor.terminate();
    });
  });
});
