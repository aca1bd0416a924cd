import type { WorkflowHandle } from '@temporalio/client';
import { WorkflowFailedError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ExperimentStatus } from '../../../workflows/experiment/status.ts';
import type { rerankerExperiment } from '../../../workflows/experiment/reranker-experiment.ts';
import { ExperimentWorld } from '../../support/experiment-world.ts';
import { HOUR, MINUTE, TimeSkipping } from '../../support/time-skipping.ts';

let server: TimeSkipping;
beforeAll(async () => {
  server = await TimeSkipping.create();
});

interface Started {
  readonly handle: WorkflowHandle<typeof rerankerExperiment>;
  readonly env: TestWorkflowEnvironment;
  /** Lets time pass until the arms are set up, and a little more. */
  underWay(): Promise<void>;
}

/** Runs an experiment in that world; `meanwhile` is what happens to it. */
function experiment(
  world: ExperimentWorld,
  input: unknown = {},
  meanwhile: (started: Started) => Promise<void> = async () => {},
) {
  return server.with(world, async (_, env) => {
    const handle = await env.client.workflow.start<typeof rerankerExperiment>('rerankerExperiment', {
      args: [input],
      taskQueue: 'rollout',
      workflowId: 'rerankerExperiment/retriever',
    });
    const underWay = async () => {
      for (let tries = 0; tries < 100; tries++) {
        const { state }: ExperimentStatus = await handle.query('status');
        if (state === 'experimenting') return env.sleep(20 * MINUTE);
        await env.sleep(MINUTE);
      }
      throw new Error('it never began');
    };
    await meanwhile({ handle, env, underWay });
    return handle.result();
  });
}

/** A reranker that brings the right result to the first place for so many points more of the feedback. */
function lifting(points: number): ExperimentWorld {
  const world = new ExperimentWorld();
  world.firstShare = { on: 0.5 + points / 100, off: 0.5 };
  return world;
}

describe('rerankerExperiment', () => {
  it.each([
    { points: 10, recommendation: 'keepOn', code: 'lifts' },
    { points: -10, recommendation: 'turnOff', code: 'belowDetectable' },
    { points: 0, recommendation: 'turnOff', code: 'belowDetectable' },
  ] as const)('recommends $recommendation where the lift is $points points', async (row) => {
    const world = lifting(row.points);
    const result = await experiment(world);
    expect(result).toMatchObject({
      outcome: 'completed',
      recommendation: row.recommendation,
      why: { code: row.code },
    });
    expect(result.files).toHaveLength(1);
    const [report] = world.reports;
    expect(report).toMatchObject({ release: 'v-1', restarts: 0, effects: [{ metric: 'mrr' }, {}, {}] });
    const lift = report?.effects[0]?.lift ?? NaN;
    // Users come whole: counts are rounded at each look.
    expect(Math.abs(lift - row.points / 100)).toBeLessThan(0.02);
    // The arms are gone, and nothing of it was an intervention.
    expect(world.state).toMatchObject({ experiment: null, interventions: 0, percent: 0 });
  });

  it('[R2.3] is undecided where the sample ends between the two', async () => {
    expect(await experiment(lifting(2.4))).toMatchObject({
      outcome: 'completed',
      recommendation: 'undecided',
      why: { code: 'unproven' },
    });
  });

  it('[L1] believes nothing of a split that is broken', async () => {
    const world = lifting(10);
    world.arrives.off = 0.8;
    expect(await experiment(world)).toMatchObject({
      recommendation: 'undecided',
      why: { code: 'splitBroken' },
    });
  });

  it('goes on over a restart of the gateway and a while without metrics', async () => {
    const world = lifting(4);
    const result = await experiment(world, {}, async ({ underWay, env }) => {
      await underWay();
      world.loseCounters();
      await env.sleep(HOUR);
      world.metricsGone = true;
      await env.sleep(HOUR);
      world.metricsGone = false;
    });
    expect(result).toMatchObject({ outcome: 'completed', recommendation: 'keepOn' });
    expect(world.reports[0]?.restarts).toBe(1);
  });

  it.each<[string, (world: ExperimentWorld) => void, object]>([
    [
      'a rollout holds the fence',
      (world) => (world.heldBy = 'rollout/retriever'),
      { code: 'fenceHeld', workflowId: 'rollout/retriever' },
    ],
    [
      'the candidate has users',
      (world) => (world.state = { ...world.state, percent: 5 }),
      { code: 'candidateHasUsers', percent: 5 },
    ],
    ['nothing is reranked', (world) => (world.reranker = 'off'), { code: 'rerankerOff', release: 'v-1' }],
    [
      'the sample cannot be reached',
      (world) => (world.feedbackShare = 0.0001),
      { code: 'sampleTooLarge', maxHours: 168 },
    ],
    [
      'nobody gives feedback',
      (world) => (world.feedbackShare = 0),
      { code: 'noFeedback', metric: 'mrr', feedback: 0 },
    ],
    ['there are no metrics', (world) => (world.metricsGone = true), { code: 'trafficUnknown' }],
  ])('is refused where %s, and changes nothing', async (_, spoil, why) => {
    const world = new ExperimentWorld();
    spoil(world);
    const result = await experiment(world);
    expect(result).toMatchObject({ outcome: 'refused', recommendation: 'undecided', files: [], why });
    expect(world.changes).toEqual([]);
    expect(world.reports).toEqual([]);
  });

  it.each(['stop', 'rollback'])('ends at the signal %s, whatever it carries', async (signal) => {
    const world = lifting(0);
    const result = await experiment(world, {}, async ({ handle, underWay }) => {
      await underWay();
      expect(world.state.experiment?.offPercent).toBe(10);
      await handle.signal(signal, ['what', { ever: 1 }]);
    });
    expect(result).toMatchObject({ outcome: 'stopped', why: { code: 'stopped', signal } });
    expect(world.state.experiment).toBeNull();
    expect(world.reports).toHaveLength(1);
  });

  it('clears the arms when it is cancelled', async () => {
    const world = lifting(0);
    const result = await experiment(world, {}, async ({ handle, underWay }) => {
      await underWay();
      await handle.cancel();
    });
    expect(result).toMatchObject({ outcome: 'cancelled' });
    expect(world.state.experiment).toBeNull();
  });

  it('ends when a rollout takes the fence, and does not touch its lanes', async () => {
    const world = lifting(0);
    const result = await experiment(world, {}, async ({ underWay }) => {
      await underWay();
      const expected = { owner: world.state.owner, epoch: world.state.epoch };
      const body = { owner: 'rollout/retriever/1', key: 'rollout/retriever/1/start', expected };
      world.command({ kind: 'takeEpoch', body }, 0);
      expect(world.state.experiment).toBeNull();
    });
    expect(result).toMatchObject({ outcome: 'superseded', why: { code: 'lanesTaken', epoch: 2 } });
    expect(world.state).toMatchObject({ epoch: 2, owner: 'rollout/retriever/1', interventions: 0 });
  });

  it('ends at its hours where the traffic dries up', async () => {
    const world = lifting(0);
    let events = 0;
    const input = { maxHours: 168, detectPoints: 20 };
    world.before = (activity) => {
      if (activity === 'changeTraffic') world.qps = 0;
    };
    const result = await experiment(world, input, async ({ handle }) => {
      await handle.result();
      events = (await handle.fetchHistory()).events?.length ?? 0;
    });
    expect(result).toMatchObject({
      outcome: 'completed',
      recommendation: 'undecided',
      why: { code: 'hoursOver', maxHours: 168 },
    });
    // A sample of a few minutes, and a week of waiting for it.
    expect(events).toBeLessThan(2_500);
  });

  it('fails for a wrong input, naming the field', async () => {
    const failed = experiment(new ExperimentWorld(), { offPercent: 90 });
    const error = await failed.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WorkflowFailedError);
    expect((error as WorkflowFailedError).cause?.message).toContain(
      'offPercent: must be a number over 0 and up to 50',
    );
  });
});
