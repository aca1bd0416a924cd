import { beforeAll, describe, expect, it } from 'vitest';
import type { RolloutActivities } from '../../../domain/contracts/rollout-activities.ts';
import type { TuningActivities } from '../../../domain/contracts/tuning-activities.ts';
import type { Behaviour } from '../../support/fake-world.ts';
import { FakeWorld, GOOD } from '../../support/fake-world.ts';
import { HOUR, MINUTE, TimeSkipping } from '../../support/time-skipping.ts';

let server: TimeSkipping;
beforeAll(async () => {
  server = await TimeSkipping.create();
});

const STAGES = { 5: 'canary-5', 25: 'ramp-25', 50: 'ramp-50', 100: 'full-100' } as const;
type Percent = keyof typeof STAGES;

interface Row {
  readonly what: string;
  readonly percent: Percent;
  readonly flaw: Partial<Behaviour>;
  readonly ends: 'held' | 'rolledBack' | 'shipped';
  readonly verdict: 'fail' | 'warn' | 'pass';
  readonly why: string;
  readonly paged: 'critical' | 'warning' | null;
}

/** A world whose lanes cannot be swept: the ladder goes on without it. */
class UnsweptWorld extends FakeWorld {
  override activities(): RolloutActivities & Pick<TuningActivities, 'sweepNprobe'> {
    const reason = 'no labelled queries';
    return { ...super.activities(), sweepNprobe: async () => ({ kind: 'missing', reason }) };
  }
}

/** Each stage's decision with a candidate that is flawed there alone; flaws of flags are in ladder.test.ts. */
const ROWS: readonly Row[] = [
  {
    what: 'errors of 1 %',
    percent: 5,
    flaw: { errorShare: 0.01 },
    ends: 'rolledBack',
    verdict: 'fail',
    why: 'errorRate',
    paged: 'critical',
  },
  {
    what: 'errors within 0.2 points',
    percent: 5,
    flaw: { errorShare: 0.0005 },
    ends: 'shipped',
    verdict: 'pass',
    why: 'is stable',
    paged: null,
  },
  {
    what: 'a proxy that lost 10 points',
    percent: 25,
    flaw: { qualityShare: 0.8 },
    ends: 'held',
    verdict: 'fail',
    why: 'qualityShortfall',
    paged: 'critical',
  },
  {
    what: 'a proxy that lost 30 points',
    percent: 25,
    flaw: { qualityShare: 0.6 },
    ends: 'rolledBack',
    verdict: 'fail',
    why: 'qualityShortfall',
    paged: 'critical',
  },
  {
    what: 'a latency that nothing mends',
    percent: 25,
    flaw: { retrievalP95Ms: 13 },
    ends: 'held',
    verdict: 'warn',
    why: 'retrievalP95',
    paged: 'critical',
  },
  {
    what: 'errors of 1 %',
    percent: 50,
    flaw: { errorShare: 0.01 },
    ends: 'rolledBack',
    verdict: 'fail',
    why: 'errorRate',
    paged: 'critical',
  },
  {
    what: 'errors of 3 %, with limits three times as wide since stable has no users',
    percent: 100,
    flaw: { errorShare: 0.03 },
    ends: 'rolledBack',
    verdict: 'fail',
    why: 'errorRate',
    paged: 'critical',
  },
  {
    what: 'a latency that nothing mends',
    percent: 100,
    flaw: { retrievalP95Ms: 60 },
    ends: 'held',
    verdict: 'warn',
    why: 'retrievalP95',
    paged: 'critical',
  },
];

describe('the decision of a stage', () => {
  it.each(ROWS)(
    'at $percent percent with $what: $ends',
    async ({ percent, flaw, ends, verdict, why, paged }) => {
      const world = new UnsweptWorld();
      world.candidate = (at) => (at === percent ? { ...GOOD, ...flaw } : GOOD);
      await server.with(world, async (start) => {
        const rollout = await start();
        // A rollout that ends makes the server's clock run by itself; one that is held has to be looked at.
        if (ends !== 'held') await rollout.handle.result();
        const status =
          ends === 'held'
            ? await rollout.until(({ state }) => state === 'held', 30 * MINUTE, 96 * HOUR)
            : await rollout.status();
        expect(status.state, status.reason).toBe(ends);
        expect(status).toMatchObject({ verdict, stage: ends === 'shipped' ? 'full-100' : STAGES[percent] });
        expect(status.reason).toContain(why);
        expect(world.state.percent).toBe(ends === 'held' ? percent : 0);
      });
      const worst = world.pages.map(({ severity }) => severity);
      expect(worst.includes('critical') ? 'critical' : worst.includes('warning') ? 'warning' : null).toBe(
        paged,
      );
    },
  );

  it.each([5, 25, 50, 100] as const)(
    'at %i percent without metrics is inconclusive, extends, and then asks a person',
    async (percent) => {
      const world = new FakeWorld();
      world.before = (activity) => {
        if (activity === 'snapshot') world.metricsGone = world.state.percent === percent;
      };
      await server.with(world, async (start) => {
        const held = await (await start()).until(({ state }) => state === 'held', 30 * MINUTE, 96 * HOUR);
        expect(held).toMatchObject({ percent, verdict: 'inconclusive', stage: STAGES[percent] });
        expect(held.timeline.filter(({ verdict }) => verdict === 'inconclusive').length).toBeGreaterThan(8);
      });
      expect(world.pages.map(({ severity }) => severity)).toContain('warning');
    },
  );
});
