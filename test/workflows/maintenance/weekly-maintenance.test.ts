import type { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { beforeAll, describe, expect, it } from 'vitest';
import type { weeklyMaintenance } from '../../../workflows/maintenance/weekly-maintenance.ts';
import { TimeSkipping } from '../../support/time-skipping.ts';
import { UNCHANGED, WeeklyWorld } from '../../support/weekly-world.ts';

let server: TimeSkipping;
beforeAll(async () => {
  server = await TimeSkipping.create();
});

class Week extends WeeklyWorld {
  run(input?: unknown) {
    return server.serve(this.activities(), (env, taskQueue) =>
      env.client.workflow.execute<typeof weeklyMaintenance>('weeklyMaintenance', {
        args: [input],
        taskQueue,
        workflowId: 'weeklyMaintenance/test',
      }),
    );
  }
}

const words = async (running: Promise<unknown>) =>
  running.then(
    () => 'it did not fail',
    (error: WorkflowFailedError) => error.cause?.message ?? '',
  );

describe('the weekly maintenance', () => {
  it('[W3.2] publishes a release also of a quiet week, and says why each step was skipped', async () => {
    const world = new Week();
    const summary = await world.run();
    expect(summary.release).toMatch(/^weekly-\d{8}$/);
    expect(summary.base).toBe('v-1');
    expect(summary.steps.map(({ step, outcome }) => `${step} ${outcome}`)).toEqual([
      'merge skipped',
      'truth done',
      'evaluate done',
      'ivf skipped',
      'reranker skipped',
      'publish done',
    ]);
    for (const { says } of summary.steps) expect(says).toMatch(/\d/);
    expect(world.published).toMatchObject([{ reranker: 'old', ivfTrainedOn: 950 }]);
    expect(world.pages).toMatchObject([{ severity: 'info', title: `${summary.release} can be shipped` }]);
  });

  it('publishes nothing of a quiet week where only changes are wanted', async () => {
    const world = new Week();
    const summary = await world.run({ publish: 'whenChanged' });
    expect(summary.release).toBeNull();
    expect(summary.steps.at(-1)).toEqual({
      step: 'publish',
      outcome: 'skipped',
      says: 'neither corpus nor lists nor reranker changed',
    });
    expect(world.published).toEqual([]);
    expect(world.calls.at(-1)).toBe('dropWork');
  });

  it.each<[string, (world: Week) => void, object]>([
    [
      'a chunk came',
      (world) => (world.merge = { ...UNCHANGED, added: 1, rows: 1_001 }),
      { reranker: 'old', ivfTrainedOn: 950 },
    ],
    [
      'the lists were retrained',
      (world) => (world.ivf = { ...world.ivf, rebuilt: { yes: true, reason: 'grew' }, starts: [1.3, 1.2] }),
      { reranker: 'old', ivfTrainedOn: 1_000 },
    ],
    [
      'the new reranker wins',
      (world) => (world.contest = { ...world.contest, after: { rAt5: 0.85, mrr: 0.62 }, gainedAt5: 5 }),
      { reranker: 'new', ivfTrainedOn: 950 },
    ],
  ])('publishes where only changes are wanted and %s', async (_, change, published) => {
    const world = new Week();
    change(world);
    expect((await world.run({ publish: 'whenChanged' })).release).not.toBeNull();
    expect(world.published).toMatchObject([published]);
  });

  it('tells a person of drift, and goes on', async () => {
    const world = new Week();
    world.containAt50 = 0.7;
    const summary = await world.run();
    expect(summary.rules).toMatchObject({
      findings: expect.arrayContaining([
        expect.objectContaining({ rule: 'containment-warning', verdict: 'fail' }),
      ]),
    });
    expect(world.pages.map(({ severity }) => severity)).toEqual(['warning', 'info']);
    expect(summary.release).not.toBeNull();
  });

  it('says of a release that pre-flight will refuse why, and not that it can be shipped', async () => {
    const world = new Week();
    world.refusals = ['reranking lifts R@5: 1.0 points, at least 3 are needed'];
    const { release, steps } = await world.run();
    expect(steps.at(-1)).toMatchObject({ step: 'publish', says: expect.stringContaining('1.0 points') });
    expect(world.pages).toMatchObject([
      {
        severity: 'warning',
        title: `${release} cannot be shipped: pre-flight will refuse it`,
        text: expect.stringContaining('reranking lifts R@5: 1.0 points'),
      },
    ]);
  });

  it('tries a step again whose worker died, and no other', async () => {
    const world = new Week();
    world.before = (activity, attempt) => {
      if (activity === 'prepareIvf' && attempt < 3) throw new Error('killed');
    };
    await world.run();
    expect(world.calls.filter((call) => call === 'prepareIvf')).toHaveLength(3);
    expect(new Set(world.calls).size).toBe(world.calls.length - 2);
  });

  it('fails where a step cannot be done, with its words, without a release, and tells a person', async () => {
    const world = new Week();
    world.before = (activity) => {
      if (activity === 'mergeCorpus')
        throw ApplicationFailure.nonRetryable('corpus.jsonl: line 3 is not JSON', 'WrongRelease');
    };
    expect(await words(world.run())).toBe('corpus.jsonl: line 3 is not JSON');
    expect(world.published).toEqual([]);
    expect(world.pages).toMatchObject([
      { severity: 'warning', title: 'the weekly maintenance ended without a release' },
    ]);
  });

  it('is cancelled between steps, and publishes nothing then', async () => {
    const world = new Week();
    world.before = (activity) => {
      if (activity === 'retrainReranker') throw new Error('busy');
    };
    const status = await server.serve(world.activities(), async (env, taskQueue) => {
      const handle = await env.client.workflow.start<typeof weeklyMaintenance>('weeklyMaintenance', {
        args: [],
        taskQueue,
        workflowId: 'weeklyMaintenance/test',
      });
      await handle.cancel();
      await words(handle.result());
      return (await handle.describe()).status.name;
    });
    expect(status).toBe('CANCELLED');
    expect(world.published).toEqual([]);
  });

  it.each<[unknown, RegExp]>([
    [{ publish: 'never' }, /publish: must be one of always, whenChanged, not "never"/],
    [{ release: 'v-1' }, /release: unknown field; there is publish/],
    [['always'], /the input must be an object/],
  ])('refuses %j', async (input, message) => {
    expect(await words(new Week().run(input))).toMatch(message);
  });
});
