import { beforeAll, describe, expect, it } from 'vitest';
import type { EvaluateInput } from '../../../domain/contracts/rollout-activities.ts';
import type { ControlChange } from '../../../domain/control/change.ts';
import type { Flags } from '../../../domain/control/state.ts';
import { flagsOf, flagsSet } from '../../support/control-commands.ts';
import type { RolloutStatus } from '../../../domain/rollout/status/status.ts';
import { soundLane } from '../../support/lane-traffic.ts';
import { CreepingWorld } from '../../support/creeping-world.ts';
import type { Behaviour } from '../../support/fake-world.ts';
import { FakeWorld, GOOD } from '../../support/fake-world.ts';
import type { SkippedRollout } from '../../support/time-skipping.ts';
import { HOUR, MINUTE, TimeSkipping } from '../../support/time-skipping.ts';

let server: TimeSkipping;
beforeAll(async () => {
  server = await TimeSkipping.create();
});

/** A candidate that is as good as stable but for what its flags make of it, from a percent on. */
function worldWhere(flaw: (flags: Flags) => Partial<Behaviour>, fromPercent = 5): FakeWorld {
  const world = new FakeWorld();
  world.candidate = (percent, _nowMs, flags) => ({ ...GOOD, ...(percent < fromPercent ? {} : flaw(flags)) });
  return world;
}

const slowAbove = (nprobe: number) => (flags: Flags) =>
  flags.nprobe > nprobe ? { retrievalP95Ms: 8.8 } : {};
const steps = ({ changes }: FakeWorld) => flagsSet(changes);
const severities = ({ pages }: FakeWorld) => pages.map(({ severity }) => severity);
const isStep = (input: unknown) => (input as ControlChange).commands[0]?.kind === 'setFlags';

async function ended(rollout: SkippedRollout) {
  const result = await rollout.handle.result();
  return { result, status: await rollout.status() };
}

describe('a latency spike at T+30m', () => {
  it('[A8] is answered with nprobe 4, measured again, and shipped with it', async () => {
    const world = worldWhere(slowAbove(4));
    await server.with(world, async (start) => {
      const { result, status } = await ended(await start());
      expect(result).toMatchObject({ outcome: 'shipped' });
      expect(result.reason).toContain('retriever_v0 is stable with nprobe 4');
      expect(status.ladder).toMatchObject([{ stage: 'canary-5', step: 'nprobeDown', from: { nprobe: 8 } }]);
      const said = status.timeline.map(({ text }) => text);
      expect(
        said.some((text) => /^ladder: nprobeDown .*because warn: retrievalP95: P95 8\./.test(text)),
      ).toBe(true);
    });
    expect(steps(world)).toEqual([{ impl: 'amn_v0', reranker: 'on', nprobe: 4 }]);
    expect(world.state.lanes.stable).toMatchObject({ release: 'retriever_v0', flags: { nprobe: 4 } });
  });

  it('[A8] that nprobe does not end is answered with the reranker off; then it holds, and pages', async () => {
    const world = worldWhere(() => ({ retrievalP95Ms: 12 }));
    await server.with(world, async (start) => {
      const rollout = await start();
      const held = await rollout.until(({ state }) => state === 'held');
      expect(held).toMatchObject({ percent: 5, verdict: 'warn', stage: 'canary-5' });
      expect(held.ladder.map(({ step }) => step)).toEqual(['nprobeDown', 'rerankerOff']);
      expect(held.reason).toContain('no step of the ladder is left');
      // What was tried goes with the release when a person takes it back.
      await rollout.handle.signal('rollback');
      await rollout.handle.result();
    });
    expect(severities(world)).toContain('critical');
    expect(world.state.lanes.stable).toEqual({ release: 'v-1', flags: null });
  });

  it('of the reranker alone turns it off, and its rows do not apply any more', async () => {
    const world = worldWhere(({ reranker }) => (reranker === 'on' ? { rerankP95Ms: 2.4 } : {}));
    await server.with(world, async (start) => {
      const { result, status } = await ended(await start());
      expect(result).toMatchObject({ outcome: 'shipped' });
      expect(result.reason).toContain('with reranker off');
      expect(status.rows.map(({ reason }) => reason)).toContain('rerankP95: nothing was reranked');
    });
    expect(steps(world)).toEqual([{ impl: 'amn_v0', reranker: 'off', nprobe: 8 }]);
  });
});

/** Sweeps begin, and end when they may. */
function hang(world: CreepingWorld) {
  let begin: () => void = () => {};
  let end: () => void = () => {};
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const free = new Promise<void>((resolve) => (end = resolve));
  const plain = world.activities();
  world.activities = () => ({
    ...plain,
    sweepNprobe: async (input) => {
      begin();
      await free;
      return plain.sweepNprobe(input);
    },
  });
  return { begun, end };
}

describe('latency creep at T+3h', () => {
  it('[B5] is answered with a sweep of nprobe; what it applies is measured again, and ships', async () => {
    const world = new CreepingWorld();
    await server.with(world, async (start) => {
      const { result, status } = await ended(await start());
      expect(result).toMatchObject({ outcome: 'shipped' });
      expect(result.reason).toContain('with nprobe 4');
      expect(status.ladder).toMatchObject([
        { stage: 'ramp-25', step: 'sweep', from: { nprobe: 8 }, to: { nprobe: 4 } },
      ]);
    });
    expect(world.sweeps).toMatchObject([{ lane: 'candidate', release: 'retriever_v0' }]);
    expect(world.records).toMatchObject([{ outcome: 'applied', nprobe: 4 }]);
    expect(world.state).toMatchObject({ epoch: 1, lanes: { stable: { flags: { nprobe: 4 } } } });
  });

  it('[B5] that a sweep finds no nprobe for holds at 25 %, and pages with what was found', async () => {
    const world = new CreepingWorld();
    world.lost = -2;
    await server.with(world, async (start) => {
      const held = await (await start()).until(({ state }) => state === 'held');
      expect(held).toMatchObject({ percent: 25, verdict: 'warn' });
      expect(held.timeline.some(({ text }) => text.startsWith('sweep: unchanged: nprobe=8'))).toBe(true);
    });
    expect(severities(world)).toContain('critical');
    expect(steps(world)).toEqual([]);
  });

  it.each([
    { kind: 'breaching', trigger: 'error rate', reason: 'error rate: 3 % of 400', stableToo: false },
    { kind: 'harm', trigger: 'errors', reason: 'more errors than stable' },
  ] as const)(
    'and the guard says $kind while it sweeps: that is taken up, and the sweep goes on',
    async (event) => {
      const world = new CreepingWorld();
      const sweep = hang(world);
      await server.with(world, async (start) => {
        const rollout = await start();
        const result = rollout.handle.result();
        await sweep.begun;
        await rollout.guardSees(event);
        await expect
          .poll(async () => (await rollout.status()).timeline.map(({ text }) => text), { timeout: 10_000 })
          .toContain(event.reason);
        sweep.end();
        expect((await result).reason).toContain('with nprobe 4');
        expect((await rollout.status()).ladder.map(({ step }) => step)).toEqual(['sweep']);
      });
      expect(world.sweeps).toHaveLength(1);
      expect(world.records).toMatchObject([{ outcome: 'applied', nprobe: 4 }]);
    },
  );

  it('and a hold while its change is watched: the next sweep waits until that is taken back', async () => {
    const world = new CreepingWorld();
    let away = true;
    world.candidate = (percent, _nowMs, { nprobe }) => ({
      ...GOOD,
      retrievalP95Ms: percent >= 25 && (away || nprobe > 4) ? 6.5 : GOOD.retrievalP95Ms,
    });
    world.before = (activity, input) => {
      if (activity === 'changeTraffic' && (input as ControlChange).step?.includes('/revert/') && away)
        throw new Error('connect ECONNREFUSED');
    };
    await server.with(world, async (start) => {
      const rollout = await start();
      await rollout.until(() => world.changes.some(({ step }) => step?.includes('/apply/')), MINUTE / 6);
      await rollout.guardSees({ kind: 'noTelemetry', reason: 'no metrics for 2 minutes' });
      await rollout.until(({ state }) => state === 'held', MINUTE);
      await rollout.handle.signal('resume');
      const warnings = ({ timeline }: RolloutStatus) =>
        timeline.filter(({ kind, verdict }) => kind === 'verdict' && verdict === 'warn');
      await rollout.until((status) => warnings(status).length === 2, MINUTE);
      await rollout.pass(10 * MINUTE);
      expect(world.sweeps).toHaveLength(1);
      away = false;
      expect((await rollout.handle.result()).reason).toContain('with nprobe 4');
    });
    expect(world.records.map(({ outcome }) => outcome)).toEqual(['reverted', 'applied']);
  });

  it('and a rollback while it sweeps: the sweep is left, and changes nothing any more', async () => {
    const world = new CreepingWorld();
    const sweep = hang(world);
    await server.with(world, async (start) => {
      const rollout = await start();
      const result = rollout.handle.result();
      await sweep.begun;
      await rollout.handle.signal('rollback');
      expect(await result).toMatchObject({ outcome: 'rolledBack' });
      sweep.end();
    });
    expect(world.state).toMatchObject({ percent: 0, lanes: { stable: { release: 'v-1', flags: null } } });
  });
});

describe('an evaluation at T+8h', () => {
  const losing = (lost: (flags: Flags) => number | null) => {
    const world = new FakeWorld();
    world.rAt5Drop = (name, flags) => (name.startsWith('nightly') ? lost(flags) : 0);
    return world;
  };

  it('[C7] that lost 2 to 5 points raises nprobe to 12, since the reranker is on, and evaluates again', async () => {
    const world = losing(({ nprobe }) => (nprobe < 12 ? 0.04 : 0));
    await server.with(world, async (start) => {
      const { result } = await ended(await start());
      expect(result.reason).toContain('with nprobe 12');
    });
    expect(steps(world)).toEqual([{ impl: 'amn_v0', reranker: 'on', nprobe: 12 }]);
    expect(world.calls.filter((call) => call === 'evaluate').length).toBe(3);
  });

  it('that no step mends holds at 50 % and pages', async () => {
    const world = losing(() => 0.04);
    await server.with(world, async (start) => {
      const held = await (await start()).until(({ state }) => state === 'held', HOUR);
      expect(held).toMatchObject({ percent: 50, verdict: 'warn', stage: 'ramp-50' });
      expect(held.ladder.map(({ step }) => step)).toEqual(['nprobeUp']);
    });
    expect(severities(world)).toContain('critical');
  });

  it('whose process is killed each time is missing after a few attempts: it holds at 50 %, and pages', async () => {
    const world = new FakeWorld();
    world.before = (activity, input) => {
      if (activity === 'evaluate' && (input as EvaluateInput).name.startsWith('nightly'))
        throw new Error('./evaluation-main ended with null: killed');
    };
    await server.with(world, async (start) => {
      const held = await (await start()).until(({ state }) => state === 'held', HOUR);
      expect(held).toMatchObject({ percent: 50, verdict: 'inconclusive', stage: 'ramp-50' });
      expect(held.reason).toContain('evaluation-main ended with null: killed');
    });
    expect(world.pages.at(-1)?.title).toBe('rollout of retriever_v0 is held at 50 %');
  });

  it('[C8] that lost more than 5 points holds at 50 % at once, and pages', async () => {
    const world = losing(() => 0.08);
    await server.with(world, async (start) => {
      const held = await (await start()).until(({ state }) => state === 'held', HOUR);
      expect(held).toMatchObject({ percent: 50, verdict: 'fail', ladder: [] });
    });
    expect(steps(world)).toEqual([]);
    expect(severities(world)).toContain('critical');
  });

  it('[C6] that found more than 2 points more passes, with a note', async () => {
    const world = losing(() => -0.05);
    await server.with(world, async (start) => {
      const { result, status } = await ended(await start());
      expect(result).toMatchObject({ outcome: 'shipped' });
      expect(status.timeline.some(({ text }) => text.includes('5.0 points better'))).toBe(true);
    });
  });
});

describe('a step of the ladder', () => {
  it('whose answer was lost is taken once', async () => {
    const world = worldWhere(slowAbove(4));
    let lost = 0;
    world.before = (activity, input) => {
      if (activity !== 'changeTraffic' || !isStep(input) || lost++ > 0) return;
      world.change(input as ControlChange, Date.now());
      throw new Error('socket hang up');
    };
    await server.with(world, async (start) => {
      const { result, status } = await ended(await start());
      expect(result).toMatchObject({ outcome: 'shipped' });
      expect(status.ladder).toHaveLength(1);
    });
    expect(lost).toBe(2);
    expect(world.state.lanes.stable.flags?.nprobe).toBe(4);
  });

  it('that hangs is left for a rollback, and then changes nothing any more', async () => {
    const world = worldWhere(slowAbove(4));
    let begin: () => void = () => {};
    let end: () => void = () => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const free = new Promise<void>((resolve) => (end = resolve));
    world.before = async (activity, input) => {
      if (activity !== 'changeTraffic' || !isStep(input)) return;
      begin();
      await free;
    };
    await server.with(world, async (start) => {
      const rollout = await start();
      const result = rollout.handle.result();
      await begun;
      await rollout.handle.signal('rollback');
      expect(await result).toMatchObject({ outcome: 'rolledBack' });
      end();
    });
    expect(world.state).toMatchObject({
      percent: 0,
      epoch: 2,
      lanes: { stable: { release: 'v-1', flags: null } },
    });
  });

  it('leaves what a hand has set in the meantime, and asks', async () => {
    const world = worldWhere(slowAbove(4));
    const byHand: Flags = { impl: 'gru_v0', reranker: 'on', nprobe: 16 };
    let changed = false;
    world.before = (activity, input) => {
      if (activity !== 'changeTraffic' || !isStep(input) || changed) return;
      changed = true;
      const commands = [flagsOf('candidate', byHand)];
      world.change({ by: 'ada', reason: 'an idea', commands }, Date.now());
    };
    await server.with(world, async (start) => {
      const rollout = await start();
      const held = await rollout.until(({ state }) => state === 'held', MINUTE);
      expect(held.reason).toContain('ada');
      expect(held.ladder).toEqual([]);
      expect(world.state.lanes.candidate?.flags).toEqual(byHand);
    });
  });

  it('after which nothing can be measured is followed by a hold, never by a raise', async () => {
    const world = worldWhere(slowAbove(4));
    world.before = (activity) => {
      if (activity === 'snapshot') world.metricsGone = world.state.lanes.candidate?.flags?.nprobe === 4;
    };
    await server.with(world, async (start) => {
      const held = await (await start()).until(({ state }) => state === 'held');
      expect(held).toMatchObject({ percent: 5, verdict: 'inconclusive' });
      expect(held.reason).toContain('inconclusive after 8 extensions');
    });
  });

  it('is taken again where a later stage is slow again', async () => {
    const world = worldWhere(({ nprobe }) => (nprobe > 4 ? { retrievalP95Ms: 8.8 } : {}));
    world.candidate = (percent, _nowMs, { nprobe, reranker }) => ({
      ...GOOD,
      ...(nprobe > 4 ? { retrievalP95Ms: 8.8 } : {}),
      ...(percent >= 25 && reranker === 'on' ? { rerankP95Ms: 2.6 } : {}),
    });
    await server.with(world, async (start) => {
      const { result, status } = await ended(await start());
      expect(result.reason).toContain('with nprobe 4, reranker off');
      expect(status.ladder.map(({ stage, step }) => `${stage} ${step}`)).toEqual([
        'canary-5 nprobeDown',
        'ramp-25 rerankerOff',
      ]);
    });
  });
});

describe('what a lane counts of itself', () => {
  it('[A6] holds where the top 50 repeat themselves', async () => {
    const world = new FakeWorld();
    world.own = () => {
      // Two of 50 in each answer that was looked at.
      const { inspected } = soundLane(world.requestsOfCandidate());
      return { duplicateShares: 0.04 * inspected, duplicateShareSquares: 0.0016 * inspected };
    };
    await server.with(world, async (start) => {
      const held = await (await start()).until(({ state }) => state === 'held');
      expect(held).toMatchObject({ percent: 5, verdict: 'warn' });
      expect(held.reason).toContain('nearDuplicates: 4.00 % of the top 50');
    });
  });

  it('is not known while the lane is down: it extends, then holds', async () => {
    const world = new FakeWorld();
    world.own = (percent) => (percent === 25 ? null : {});
    await server.with(world, async (start) => {
      const held = await (await start()).until(({ state }) => state === 'held');
      expect(held).toMatchObject({ percent: 25, verdict: 'inconclusive' });
      expect(held.reason).toContain('the lane did not say what it counts');
    });
  });

  it('[T8] that a lane has grown is reported once in each stage, with what to do, and ships all the same', async () => {
    const world = new FakeWorld();
    world.own = () => ({ memoryBytes: 400e6, rows: 12_000 });
    await server.with(world, async (start) => {
      const { result, status } = await ended(await start());
      expect(result).toMatchObject({ outcome: 'shipped' });
      const said = status.timeline.map(({ text }) => text).filter((text) => text.startsWith('informs: '));
      expect(said.filter((text) => text.includes('memoryGrowth'))).toHaveLength(2);
      expect(said.filter((text) => text.includes('corpusGrowth'))).toHaveLength(1);
    });
    const notified = world.pages.filter(({ severity }) => severity === 'info').map(({ text }) => text);
    expect(notified.some((text) => text.includes('proposed: restart the lane, drained'))).toBe(true);
    expect(notified.some((text) => text.includes('with about 110 lists'))).toBe(true);
  });
});
