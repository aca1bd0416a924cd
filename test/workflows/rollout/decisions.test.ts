import { beforeAll, describe, expect, it } from 'vitest';
import type { Plan } from '../../../domain/plan/plan.ts';
import type { GateRecord } from '../../../domain/rollout/decision.ts';
import { replayDecisions } from '../../../domain/audit/replay-decisions.ts';
import { aPlan } from '../../support/a-plan.ts';
import { FakeWorld, GOOD } from '../../support/fake-world.ts';
import { TimeSkipping } from '../../support/time-skipping.ts';

let server: TimeSkipping;
beforeAll(async () => {
  server = await TimeSkipping.create();
});

const plan = aPlan();

/** The gate of a record as the version before spelled it. */
function oldGate({ onFail, remediation, ...gate }: GateRecord): GateRecord {
  return { ...gate, onRed: onFail, ladder: remediation } as unknown as GateRecord;
}

describe('the decisions of a 48-hour rollout', () => {
  it('[D2] are recorded one by one, each small and with its evidence, and the history stays short', async () => {
    const world = new FakeWorld();
    await server.with(world, async (start) => {
      const rollout = await start();
      await rollout.until(({ percent }) => percent === 5);
      await rollout.handle.signal('hold', { reason: 'lunch', by: 'ada' });
      await rollout.handle.signal('resume', { by: 'ada' });
      expect(await rollout.handle.result()).toMatchObject({ outcome: 'shipped' });
      const { events } = await rollout.handle.fetchHistory();
      expect(events?.length).toBeLessThan(1_000);
    });
    const { decisions: records } = world;
    expect(records.map(({ number }) => number)).toEqual(records.map((_, i) => i + 1));
    expect(records.map(({ kind, who, action }) => ({ kind, who, action }))).toEqual(
      expect.arrayContaining([
        { kind: 'message', who: 'ada', action: 'holds at 5 %' },
        { kind: 'verdict', who: 'judge', action: 'raises to 100 %' },
        { kind: 'verdict', who: 'judge', action: 'promotes' },
        { kind: 'outcome', who: 'rollout', action: 'ended: shipped' },
      ]),
    );
    const judged = records.filter(({ kind }) => kind === 'verdict');
    expect(judged.map(({ gate }) => gate?.evidence ?? null)).not.toContain(null);
    for (const record of records) {
      expect(record.plan).toMatchObject({
        name: 'runbook-48h',
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
      expect(JSON.stringify(record).length).toBeLessThan(12_000);
    }
  });

  it('are come to again from their records, and another plan shows where it would have gone another way', async () => {
    const world = new FakeWorld();
    world.qps = 500;
    world.candidate = (percent) => (percent < 50 ? GOOD : { ...GOOD, errorShare: 0.02 });
    await server.with(world, async (start) => {
      expect(await (await start()).handle.result()).toMatchObject({ outcome: 'rolledBack' });
    });
    const verdicts = world.decisions.filter(({ kind }) => kind === 'verdict');
    const again = replayDecisions(plan, world.decisions);
    expect(again.map(({ would }) => would.verdict)).toEqual(verdicts.map(({ verdict }) => verdict));
    expect(again.map(({ differs }) => differs)).not.toContain(true);

    // As the version before spelled them.
    const OLD: Record<string, string> = { pass: 'green', fail: 'red', inconclusive: 'unknown' };
    const old = world.decisions.map((record) => ({
      ...record,
      verdict: (OLD[record.verdict ?? ''] ?? record.verdict) as typeof record.verdict,
      gate: record.gate === null ? null : oldGate(record.gate),
    }));
    expect(replayDecisions(plan, old)).toEqual(again);

    const fast = replayDecisions(strict(plan), world.decisions).find(({ differs }) => differs);
    expect(fast).toMatchObject({
      stage: 'canary-5',
      was: { verdict: 'pass', follows: 'goes on' },
      would: { verdict: 'inconclusive', follows: 'extends' },
    });
    const lenient = replayDecisions(lax(plan), world.decisions).filter(({ differs }) => differs);
    // The first word on errors, and the second that rolled back.
    expect(lenient.map(({ stage, was, would }) => [stage, was.follows, would.follows])).toEqual([
      ['ramp-50', 'extends', 'goes on'],
      ['ramp-50', 'rolls back', 'goes on'],
    ]);
  });
});

/** More keys than there are users. */
function strict(of: Plan): Plan {
  const stages = of.stages.map((stage) => ({
    ...stage,
    rows: stage.rows.map((row) => (row.metric === 'splitMismatch' ? { ...row, minSamples: 1e9 } : row)),
  }));
  return { ...of, stages };
}

/** Errors are nothing. */
function lax(of: Plan): Plan {
  const stages = of.stages.map((stage) => ({
    ...stage,
    rows: stage.rows.filter(({ metric }) => metric !== 'errorRate'),
  }));
  return { ...of, stages };
}
