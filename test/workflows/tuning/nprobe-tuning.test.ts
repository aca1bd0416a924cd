import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';
import type { NprobeTuningInput } from '../../../domain/tuning/input.ts';
import type { TuningStatus } from '../../../domain/tuning/status.ts';
import type { nprobeTuning } from '../../../workflows/tuning/nprobe-tuning.ts';
import type { tuningParent } from '../../support/bundle-entry.ts';
import { flagsSet, load, traffic } from '../../support/control-commands.ts';
import { TimeSkipping } from '../../support/time-skipping.ts';
import { TuningWorld } from '../../support/tuning-world.ts';

const ID = 'nprobeTuning/retriever';
const SECOND = 1_000;

let server: TimeSkipping;
beforeAll(async () => {
  server = await TimeSkipping.create();
});

interface Tuning {
  readonly handle: WorkflowHandle<typeof nprobeTuning>;
  /** Lets time pass until the status is as wanted. */
  until(wanted: (status: TuningStatus) => boolean): Promise<TuningStatus>;
}

function started(env: TestWorkflowEnvironment, handle: Tuning['handle']): Tuning {
  return {
    handle,
    async until(wanted) {
      for (let tries = 0; tries < 200; tries++) {
        const status: TuningStatus = await handle.query('status');
        if (wanted(status)) return status;
        await env.sleep(SECOND);
      }
      throw new Error(`never as wanted: ${JSON.stringify(await handle.query('status'))}`);
    },
  };
}

/** Runs a tuning alone in that world, and replays its history; `meanwhile` is what happens to it. */
function tune(
  world: TuningWorld,
  input?: NprobeTuningInput,
  meanwhile: (tuning: Tuning, env: TestWorkflowEnvironment) => Promise<void> = async () => {},
) {
  return server.with(world, async (_, env) => {
    const handle = await env.client.workflow.start<typeof nprobeTuning>('nprobeTuning', {
      args: [input],
      taskQueue: 'rollout',
      workflowId: ID,
    });
    await meanwhile(started(env, handle), env);
    const result = await handle.result();
    // Each way it can end is one that a worker which takes over can follow.
    const history = await handle.fetchHistory();
    await Worker.runReplayHistory({ workflowBundle: { code: server.code } }, history, ID);
    return result;
  });
}

const LATENCY = { priority: 'latency' } as const;
const isChanged = ({ state }: TuningStatus) => state === 'measuring with nprobe 4';

describe('nprobeTuning', () => {
  it('[N6] applies the smallest nprobe that qualifies, and writes it down', async () => {
    const world = new TuningWorld();
    const result = await tune(world, LATENCY);
    expect(result).toMatchObject({ outcome: 'applied', nprobe: 4 });
    expect(result.reason).toMatch(
      /nprobe=4 .* is the smallest.*retrievalP95: P95 3\.\d+ ms of \d+ against 4\.\d+ ms/,
    );
    expect(world.nprobe()).toBe(4);
    expect(world.state).toMatchObject({
      epoch: 1,
      owner: expect.stringMatching(/^nprobeTuning\/retriever\//),
      percent: 0,
    });
    expect(world.records).toMatchObject([
      {
        outcome: 'applied',
        nprobe: 4,
        before: 8,
        release: 'v-1',
        chosen: { nprobe: 4 },
        file: expect.stringMatching(/nprobe_sweep_\d{8}_\d{6}\.json$/),
      },
    ]);
    expect(world.pages).toEqual([]);
  });

  it('may raise it, and lets the lane become slower up to the target', async () => {
    const world = new TuningWorld();
    const result = await tune(world, { priority: 'accuracy' });
    expect([result.outcome, world.nprobe()]).toEqual(['applied', 12]);
  });

  it('changes nothing where the lane has the right one already', async () => {
    const world = new TuningWorld();
    expect(await tune(world)).toMatchObject({ outcome: 'unchanged', nprobe: 8 });
    expect([world.changes, world.state.epoch]).toEqual([[], 0]);
    expect(world.records).toHaveLength(1);
  });

  it('only says what it would choose where nothing is to be applied', async () => {
    const world = new TuningWorld();
    world.running.add('rollout/retriever');
    const result = await tune(world, { ...LATENCY, apply: false });
    expect(result).toMatchObject({
      outcome: 'unchanged',
      nprobe: 4,
      reason: expect.stringMatching(/not applied/),
    });
    expect(world.changes).toEqual([]);
  });

  it('[N4] holds with the Pareto table where none qualifies, and pages', async () => {
    const world = new TuningWorld();
    const result = await tune(world, { targetMs: 1 });
    expect(result).toMatchObject({ outcome: 'hold', nprobe: null });
    expect(result.reason).toMatch(/Pareto: nprobe=4 .*nprobe=8 .*nprobe=12 .*nprobe=16/);
    expect(world.pages).toMatchObject([{ severity: 'warning', title: expect.stringMatching(/hold/) }]);
  });

  it('holds where the sweep cannot be made', async () => {
    const world = new TuningWorld();
    world.sweepFails = 'lane stable serves v-2, not v-1';
    expect(await tune(world)).toMatchObject({ outcome: 'hold', reason: world.sweepFails });
    expect(world.records).toEqual([]);
  });

  it('holds where the process of the sweep is killed each time, after a few attempts', async () => {
    const world = new TuningWorld();
    world.duringSweep = () => {
      throw new Error('./sweep-main ended with null: killed');
    };
    expect(await tune(world)).toMatchObject({
      outcome: 'hold',
      reason: './sweep-main ended with null: killed',
    });
    expect(world.sweeps).toBe(5);
  });

  it.each<[string, ReturnType<TuningWorld['flaw']>, RegExp]>([
    ['errors', { errorShare: 0.05 }, /^errorRate: [45]\.\d+ % of \d+ against 0\.00 % of \d+, beyond/],
    ['latency', { retrievalP95Ms: 7 }, /^retrievalP95: P95 [67]\.\d+ ms of \d+ against .* ms, .* beyond/],
    ['quality', { qualityShare: 0.8 }, /^qualityShortfall: (79|80)\.\d+ % of .*, beyond/],
  ])('takes its change back when it makes the lane worse: %s', async (_, flaw, reason) => {
    const world = new TuningWorld();
    world.flaw = (nprobe) => (nprobe === 4 ? flaw : {});
    const result = await tune(world, LATENCY);
    expect(result).toMatchObject({ outcome: 'reverted', nprobe: 8, reason: expect.stringMatching(reason) });
    expect(flagsSet(world.changes).map(({ nprobe }) => nprobe)).toEqual([4, 8]);
    expect(world.pages).toHaveLength(1);
  });

  it('[N6] does not change what it could not judge: a lane without users', async () => {
    const world = new TuningWorld();
    world.qps = 0.1;
    const result = await tune(world, LATENCY);
    expect(result).toMatchObject({ outcome: 'hold', reason: expect.stringMatching(/too few users/) });
    expect(world.changes).toEqual([]);
  });

  it('takes its change back when the users go away', async () => {
    const world = new TuningWorld();
    const result = await tune(world, LATENCY, async (tuning) => {
      await tuning.until(isChanged);
      world.qps = 0;
    });
    expect(result).toMatchObject({
      outcome: 'reverted',
      reason: expect.stringMatching(/not be proven in time/),
    });
    expect(world.nprobe()).toBe(8);
  });

  it('restarts a window when the gateway was restarted in it', async () => {
    const world = new TuningWorld();
    const result = await tune(world, LATENCY, async (tuning, env) => {
      await tuning.until(isChanged);
      world.restartGateway(await env.currentTimeMs());
    });
    expect(result.outcome).toBe('applied');
  });

  it('is refused while a rollout holds the fence, and sweeps nothing', async () => {
    const world = new TuningWorld();
    world.running.add('rollout/retriever');
    world.command(
      {
        kind: 'takeEpoch',
        body: { owner: 'rollout/retriever/run', key: 'k', expected: { owner: 'nobody', epoch: 0 } },
      },
      0,
    );
    const result = await tune(world, LATENCY);
    expect(result).toMatchObject({ outcome: 'hold', nprobe: null });
    expect(result.reason).toMatch(/^refused: rollout\/retriever runs and holds the fence \(epoch 1\)/);
    expect([world.sweeps, world.changes]).toEqual([0, []]);
  });

  it('is refused as well where a rollout began during the sweep', async () => {
    const world = new TuningWorld();
    world.duringSweep = () => {
      world.running.add('rollout/retriever');
      world.command(
        {
          kind: 'takeEpoch',
          body: { owner: 'rollout/retriever/run', key: 'k', expected: { owner: 'nobody', epoch: 0 } },
        },
        0,
      );
    };
    expect((await tune(world, LATENCY)).reason).toMatch(/^refused: rollout\/retriever/);
    expect(world.changes).toEqual([]);
  });

  it('is superseded by who takes the fence after its change', async () => {
    const world = new TuningWorld();
    const result = await tune(world, LATENCY, async (tuning, env) => {
      await tuning.until(isChanged);
      const { owner, epoch } = world.state;
      world.command(
        { kind: 'takeEpoch', body: { owner: 'rollout/retriever/run', key: 'k', expected: { owner, epoch } } },
        await env.currentTimeMs(),
      );
      await tuning.handle.signal('rollback');
    });
    expect(result).toMatchObject({
      outcome: 'superseded',
      reason: 'epoch 2 is held by rollout/retriever/run',
    });
  });

  it.each<[string, (handle: Tuning['handle']) => Promise<unknown>, RegExp]>([
    ['rollback', (handle) => handle.signal('rollback', 'any payload'), /rollback was asked for/],
    ['cancel', (handle) => handle.cancel(), /cancelled/],
  ])('gives the lane its nprobe back on %s', async (_, send, reason) => {
    const world = new TuningWorld();
    const result = await tune(world, LATENCY, async (tuning) => {
      await tuning.until(isChanged);
      expect(world.nprobe()).toBe(4);
      await send(tuning.handle);
    });
    expect(result).toMatchObject({ outcome: 'reverted', nprobe: 8, reason: expect.stringMatching(reason) });
    expect(world.nprobe()).toBe(8);
  });

  it('has nothing to take back before its change', async () => {
    const world = new TuningWorld();
    const result = await tune(world, LATENCY, async (tuning) => {
      await tuning.until(({ state }) => state === 'measuring before the change');
      await tuning.handle.signal('rollback');
    });
    expect(result).toMatchObject({
      outcome: 'unchanged',
      reason: expect.stringMatching(/nothing was changed/),
    });
    expect(world.changes).toEqual([]);
  });

  it('changes the candidate by the epoch of the rollout whose child it is', async () => {
    const world = new TuningWorld();
    const owner = 'rollout/retriever/run';
    world.running.add('rollout/retriever');
    world.command(
      { kind: 'takeEpoch', body: { owner, key: 'k', expected: { owner: 'nobody', epoch: 0 } } },
      0,
    );
    world.change({ by: owner, epoch: 1, step: 'load', commands: [load('r-2')] }, 0);
    world.change(
      {
        by: owner,
        epoch: 1,
        step: 'raise',
        interventions: 0,
        commands: [traffic(50, { lease: { ttlMs: 1e9, onExpiry: 'zero' } })],
      },
      0,
    );
    const result = await server.with(world, (_, env) =>
      env.client.workflow.execute<typeof tuningParent>('tuningParent', {
        args: [{ ...LATENCY, held: { owner, epoch: 1 } }],
        taskQueue: 'rollout',
        workflowId: 'rollout/retriever',
      }),
    );
    expect(result).toMatchObject({ outcome: 'applied', nprobe: 4 });
    expect(world.state).toMatchObject({
      epoch: 1,
      owner,
      percent: 50,
      interventions: 0,
      lanes: { candidate: { flags: { nprobe: 4 } } },
    });
  });

  it.each<[string, NprobeTuningInput, string, RegExp]>([
    ['a field it does not know', { nprobe: 4 } as NprobeTuningInput, ID, /nprobe: unknown field/],
    ['another id than its own', {}, 'tuning', /has the workflow id nprobeTuning\/retriever, not tuning/],
    ["a fence that is not its parent's", { held: { owner: 'me', epoch: 1 } }, ID, /held: only the rollout/],
  ])('fails by name on %s', async (_, input, workflowId, message) => {
    await server.with(new TuningWorld(), async (_start, env) => {
      const ended = env.client.workflow.execute<typeof nprobeTuning>('nprobeTuning', {
        args: [input],
        taskQueue: 'rollout',
        workflowId,
      });
      await expect(ended).rejects.toMatchObject({ cause: { message: expect.stringMatching(message) } });
    });
  });
});
