import type { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Notification } from '../../domain/contract.ts';
import { measured } from '../../domain/measured.ts';
import type {
  IvfReport,
  MergeReport,
  RetrainReport,
  WeeklyActivities,
} from '../../domain/weekly-contract.ts';
import type { weeklyMaintenance } from '../../workflows/weekly-maintenance.ts';
import { TimeSkipping } from './time-skipping.ts';

let server: TimeSkipping;
beforeAll(async () => {
  server = await TimeSkipping.create();
});

const UNCHANGED: MergeReport = {
  rowsBefore: 1_000,
  rows: 1_000,
  added: 0,
  replaced: 0,
  removed: 0,
  passedOver: 0,
  reasons: [],
  newArticles: 0,
};

/** The outside of a weekly maintenance: by itself a week without any change. */
class FakeWeek {
  merge = UNCHANGED;
  ivf: IvfReport = {
    before: { trainedOn: 950, rows: 1_000, imbalance: 1.2, longestTimesMean: 2 },
    rebuilt: { yes: false, reason: '1000 rows, +5.3 %' },
    nlist: 31,
    imbalance: 1.2,
    starts: [],
  };
  contest: RetrainReport['contest'] = {
    queries: 100,
    articles: 10,
    before: { rAt5: 0.8, mrr: 0.6 },
    after: { rAt5: 0.8, mrr: 0.6 },
    lostAt5: 0,
    gainedAt5: 0,
  };
  containAt50 = 0.9;
  /** Called before an activity does its work; may throw in its place. */
  before: (activity: string, attempt: number) => void = () => {};
  readonly calls: string[] = [];
  readonly published: unknown[] = [];
  readonly pages: Notification[] = [];

  activities(): object {
    const weekly: WeeklyActivities = {
      planWeekly: async ({ date, atMs }) => ({
        base: 'v-1',
        version: `weekly-${date}`,
        key: 'k',
        date,
        atMs,
        ingestFrom: 0,
        ingestUntil: 10,
      }),
      mergeCorpus: async () => this.merge,
      rebuildTruth: async () => ({ rows: this.merge.rows, dimension: 384 }),
      evaluateMerged: async ({ version, date, atMs }) => {
        const quality = { R_at_5: 0.8, MRR: 0.6, Contain_at_50: this.containAt50 };
        const recall = { plain_R_at_5: 0.7, reranked_R_at_5: 0.8 };
        const named = { key: `${date}/weekly/${version}`, kind: 'weekly', date, atMs } as const;
        const counts = { release: version, queries: 100, articles: 10, ntotal: 1_000 };
        return {
          entry: { ...named, ...counts, ...quality, ...recall },
          quality: {
            release: 'v-1',
            atMs,
            rAt5: measured(0.8, 100),
            mrr: measured(0.6, 100),
            containAt50: measured(this.containAt50, 100),
            expectedRAt5: measured(0.8, 100),
          },
          history: [],
          gone: 0,
          file: 'eval/weekly.json',
          trendFile: 'eval/trend.svg',
        };
      },
      prepareIvf: async () => this.ivf,
      retrainReranker: async () => ({ contest: this.contest, trainedOn: { articles: 5, queries: 50 } }),
      publishRelease: async (input) => {
        this.published.push(input);
        return {
          release: input.plan.version,
          rows: this.merge.rows,
          rAt5: 0.8,
          containAt50: 0.9,
          sha256: 'f'.repeat(64),
        };
      },
      dropWork: async () => {},
    };
    const noted = Object.entries(weekly).map(([name, activity]) => [
      name,
      async (input: never) => {
        this.calls.push(name);
        this.before(name, this.calls.filter((call) => call === name).length);
        return (activity as (input: never) => Promise<unknown>)(input);
      },
    ]);
    const notify = async (page: Notification) => {
      this.pages.push(page);
      return { to: 'the log' };
    };
    return { ...Object.fromEntries(noted), notify };
  }

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
  it('publishes a release also of a quiet week, and says why each step was skipped', async () => {
    const world = new FakeWeek();
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
    const world = new FakeWeek();
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

  it.each<[string, (world: FakeWeek) => void, object]>([
    [
      'a chunk came',
      (world) => (world.merge = { ...UNCHANGED, added: 1, rows: 1_001 }),
      { reranker: 'old', ivfTrainedOn: 950 },
    ],
    [
      'the lists were trained anew',
      (world) => (world.ivf = { ...world.ivf, rebuilt: { yes: true, reason: 'grew' }, starts: [1.3, 1.2] }),
      { reranker: 'old', ivfTrainedOn: 1_000 },
    ],
    [
      'the new reranker wins',
      (world) => (world.contest = { ...world.contest, after: { rAt5: 0.85, mrr: 0.62 }, gainedAt5: 5 }),
      { reranker: 'new', ivfTrainedOn: 950 },
    ],
  ])('publishes where only changes are wanted and %s', async (_, change, published) => {
    const world = new FakeWeek();
    change(world);
    expect((await world.run({ publish: 'whenChanged' })).release).not.toBeNull();
    expect(world.published).toMatchObject([published]);
  });

  it('tells a person of drift, and goes on', async () => {
    const world = new FakeWeek();
    world.containAt50 = 0.7;
    const summary = await world.run();
    expect(summary.drift.find(({ rule }) => rule === 'containment')?.verdict).toBe('warn');
    expect(world.pages.map(({ severity }) => severity)).toEqual(['warning', 'info']);
    expect(summary.release).not.toBeNull();
  });

  it('tries a step again whose worker died, and no other', async () => {
    const world = new FakeWeek();
    world.before = (activity, attempt) => {
      if (activity === 'prepareIvf' && attempt < 3) throw new Error('killed');
    };
    await world.run();
    expect(world.calls.filter((call) => call === 'prepareIvf')).toHaveLength(3);
    expect(new Set(world.calls).size).toBe(world.calls.length - 2);
  });

  it('fails where a step can not be done, with its words, without a release, and tells a person', async () => {
    const world = new FakeWeek();
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
    const world = new FakeWeek();
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
    [{ publish: 'never' }, /publish: must be always or whenChanged, not "never"/],
    [{ release: 'v-1' }, /release: unknown field; there is publish/],
    [['always'], /the input must be an object/],
  ])('refuses %j', async (input, message) => {
    expect(await words(new FakeWeek().run(input))).toMatch(message);
  });
});
