import type { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { beforeAll, describe, expect, it } from 'vitest';
import type { evaluation } from '../../../workflows/evaluation/evaluation.ts';
import { EvaluationWorld } from '../../support/evaluation-world.ts';
import { TimeSkipping } from '../../support/time-skipping.ts';

let server: TimeSkipping;
beforeAll(async () => {
  server = await TimeSkipping.create();
});

class Evaluation extends EvaluationWorld {
  run(input?: unknown) {
    return server.serve(this.activities(), (env, taskQueue) =>
      env.client.workflow.execute<typeof evaluation>('evaluation', {
        args: [input],
        taskQueue,
        workflowId: 'evaluation/test',
      }),
    );
  }
}

/** What a rule says, where the evaluation itself had the rules judge it. */
const verdictOf = ({ rules }: Awaited<ReturnType<typeof evaluation>>, name: string) =>
  rules?.by === 'evaluation' ? rules.findings.find(({ rule }) => rule === name)?.verdict : null;

const words = async (running: Promise<unknown>) =>
  running.then(
    () => 'it did not fail',
    (error: WorkflowFailedError) => error.cause?.message ?? '',
  );

describe('the nightly evaluation', () => {
  it('[M10] asks every shard of what stable serves and tells nobody where all is well', async () => {
    const world = new Evaluation();
    const summary = await world.run({ shards: 4 });
    expect([...world.attempts.keys()].toSorted((a, b) => a - b)).toEqual([0, 25, 50, 75]);
    expect(summary).toMatchObject({ shards: 4, evaluated: { release: 'v-1', kind: 'nightly' } });
    expect(summary.file).toMatch(/nightly_\d{8}\.json$/);
    // No week of history yet: inconclusive, and no pass.
    const verdicts = ['recall-drift', 'containment-warning', 'recall-warning', 'recall-critical'].map(
      (rule) => verdictOf(summary, rule),
    );
    expect(verdicts).toEqual(['inconclusive', 'pass', 'pass', 'pass']);
    expect(world.pages).toEqual([]);
  });

  it.each([
    [0.74, 'warning'],
    [0.6, 'critical'],
  ])('R@5 of %f where 0.8 was promised is sent as %s', async (rAt5, severity) => {
    const world = new Evaluation();
    world.rAt5 = rAt5;
    await world.run({ release: 'retriever_v0' });
    expect(world.pages).toMatchObject([{ severity, title: expect.stringContaining('retriever_v0') }]);
  });

  it('tells nobody where a monitor watches the release', async () => {
    const world = new Evaluation();
    world.watched = true;
    world.rAt5 = 0.6;
    expect((await world.run()).rules).toEqual({ by: 'monitor' });
    expect(world.pages).toEqual([]);
  });

  it('tells a person where no rule could judge it, and has recorded it all the same', async () => {
    const world = new Evaluation();
    world.judge = () => {
      throw ApplicationFailure.nonRetryable('there are no alert rules "runbook"', 'WrongRules');
    };
    const summary = await world.run();
    expect(summary).toMatchObject({ rules: null, evaluated: { release: 'v-1' } });
    expect(world.pages).toMatchObject([
      { severity: 'warning', text: expect.stringContaining('no alert rules') },
    ]);
  });

  it('tries a shard again that failed, and that one alone', async () => {
    const world = new Evaluation();
    world.beforeShard = ({ from }, attempt) => {
      if (from === 25 && attempt < 3) throw new Error('the process was killed');
    };
    await world.run({ shards: 4 });
    expect(Object.fromEntries(world.attempts)).toEqual({ 0: 1, 25: 3, 50: 1, 75: 1 });
    expect(world.joined).toBe(1);
  });

  it('that cannot be made says so to a person, and fails', async () => {
    const world = new Evaluation();
    world.plan = () => {
      throw ApplicationFailure.nonRetryable('manifest.json: is missing', 'WrongRelease');
    };
    expect(await words(world.run())).toBe('manifest.json: is missing');
    expect(world.pages).toMatchObject([
      { severity: 'warning', text: expect.stringContaining('quality is unknown') },
    ]);
  });

  it('gives up on a shard in the end', async () => {
    const world = new Evaluation();
    world.beforeShard = () => {
      throw new Error('no memory');
    };
    expect(await words(world.run({ shards: 1 }))).toBe('no memory');
    expect(world.attempts.get(0)).toBe(5);
    expect(world.joined).toBe(0);
  });

  it.each<[string, unknown, RegExp]>([
    ['a release that is no name', { release: '../v-1' }, /release: must be a name/],
    ['no shard at all', { shards: 0 }, /shards: must be a whole number from 1 to 64/],
    ['a field that there is not', { shard: 2 }, /shard: unknown field; there are release, shards/],
    ['a text', 'v-1', /the input must be an object/],
  ])('refuses %s by name', async (_, input, message) => {
    expect(await words(new Evaluation().run(input))).toMatch(message);
  });

  it('can be cancelled between shards', async () => {
    const world = new Evaluation();
    world.beforeShard = () => {
      throw new Error('busy');
    };
    const outcome = await server.serve(world.activities(), async (env, taskQueue) => {
      const handle = await env.client.workflow.start<typeof evaluation>('evaluation', {
        args: [],
        taskQueue,
        workflowId: 'evaluation/test',
      });
      await handle.cancel();
      await words(handle.result());
      return (await handle.describe()).status.name;
    });
    expect(outcome).toBe('CANCELLED');
    expect(world.pages).toEqual([]);
  });
});
