import { describe, expect, it } from 'vitest';
import { firstState } from '../../../domain/control/apply-command.ts';
import { guardStep, newGuard } from '../../../domain/guard/guard.ts';
import { aPlan } from '../../support/a-plan.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import { counters, snapshot, sum } from '../../support/lane-traffic.ts';
import type { LaneDelta } from '../../support/lane-traffic.ts';
import type { GuardEvent, GuardState } from '../../../domain/guard/state.ts';

const MINUTE = 60_000;
const shipped = aPlan();
const runbook: Plan = { ...shipped, guard: { ...shipped.guard, pollMs: MINUTE } };

interface Traffic {
  readonly minutes: number;
  readonly percent?: number;
  readonly stable?: LaneDelta;
  readonly candidate?: LaneDelta;
}

/** A guard that is polled each minute; 1,000 requests a minute on each lane if nothing else is said. */
class Watched {
  private state: GuardState = newGuard(0);
  private minute = 0;
  private readonly plan: Plan;
  private readonly sums = {
    stable: counters({ requests: 0, release: 'v-1' }),
    candidate: counters({ requests: 0, release: 'v0' }),
  };

  constructor(plan: Plan = runbook) {
    this.plan = plan;
  }

  /** The first event of these minutes, and after how many of them it came. */
  through({ minutes, percent = 50, stable = {}, candidate = {} }: Traffic): {
    event: GuardEvent | null;
    after: number;
  } {
    for (let i = 1; i <= minutes; i++) {
      this.minute++;
      this.sums.stable = sum(this.sums.stable, counters({ release: 'v-1', ...stable }));
      this.sums.candidate = sum(this.sums.candidate, counters({ release: 'v0', ...candidate }));
      const event = this.poll(percent);
      if (event !== null) return { event, after: i };
    }
    return { event: null, after: minutes };
  }

  private poll(percent: number): GuardEvent | null {
    const nowMs = this.minute * MINUTE;
    const state = { ...firstState({ release: 'v-1', flags: null }, 0), epoch: 1, percent };
    const lanes = { stable: null, candidate: null, previous: null, spare: null };
    const quality = (release: string) => ({
      release,
      tau: 0.5,
      expectedShare: 0.95,
      rAt5: 0.6,
      queries: 800,
    });
    const context = {
      plan: this.plan,
      epoch: 1,
      interventions: 0,
      candidateQuality: quality('v0'),
      stableQuality: quality('v-1'),
    };
    const seen = {
      snapshot: snapshot(nowMs, this.sums.stable, this.sums.candidate, { percent }),
      control: { state, lanes, nowMs, killSwitch: false },
    };
    const step = guardStep(this.state, seen, context, nowMs);
    // What it carries goes through heartbeats.
    this.state = JSON.parse(JSON.stringify(step.state)) as GuardState;
    // What is reported at once decides nothing, and has tests of its own.
    return step.event?.kind === 'breaching' ? null : step.event;
  }
}

const GOOD: LaneDelta = {
  errors: 1,
  latencies: [
    [0.97, 3],
    [0.03, 7],
  ],
};
/** Past the warm-up of 15 minutes. */
const WARM: Traffic = { minutes: 20, stable: GOOD, candidate: GOOD };
const SLOWER: LaneDelta = {
  errors: 1,
  latencies: [
    [0.85, 3],
    [0.15, 7],
  ],
};

describe('the guard with the decision rule sequentialTest', () => {
  it.each<[string, LaneDelta, GuardEvent['kind'] | null, number]>([
    ['is certain of 20 % errors after 4 minutes', { ...GOOD, errors: 200 }, 'breach', 4],
    ['rolls back at 1 point more errors than stable', { ...GOOD, errors: 11 }, 'breach', 15],
    ['tolerates 0.1 points more errors', { ...GOOD, errors: 2 }, null, 600],
    ['holds where more requests are slow', SLOWER, 'harm', 15],
    ['holds at a proxy 4 points lower', { ...GOOD, qualityShare: 0.91 }, 'harm', 30],
    ['rolls back at a proxy 40 points lower', { ...GOOD, qualityShare: 0.55 }, 'breach', 5],
    ['tolerates a proxy 1 point lower', { ...GOOD, qualityShare: 0.94 }, null, 600],
  ])('%s', (_, candidate, kind, within) => {
    const guard = new Watched();
    expect(guard.through(WARM).event).toBeNull();
    const { event, after } = guard.through({ minutes: 600, stable: GOOD, candidate });
    expect(event?.kind ?? null).toBe(kind);
    expect(after).toBeLessThanOrEqual(within);
  });

  it.each<[string, Traffic]>([
    ['a spike of both lanes', { minutes: 5, stable: { errors: 150 }, candidate: { errors: 150 } }],
    ['a drift of both lanes', { minutes: 300, stable: SLOWER, candidate: SLOWER }],
    ['a spike of one lane of two minutes', { minutes: 2, stable: GOOD, candidate: { ...GOOD, errors: 80 } }],
  ])('says nothing of %s', (_, traffic) => {
    const guard = new Watched();
    guard.through(WARM);
    expect(guard.through(traffic).event).toBeNull();
    expect(guard.through(WARM).event).toBeNull();
  });

  it('does not count slow requests while caches are cold, but errors', () => {
    expect(new Watched().through({ minutes: 14, stable: GOOD, candidate: SLOWER }).event).toBeNull();
    const failing = { ...GOOD, errors: 200 };
    expect(new Watched().through({ minutes: 14, stable: GOOD, candidate: failing }).event?.kind).toBe(
      'breach',
    );
  });

  it('carries what it has from stage to stage', () => {
    const slightly = { ...GOOD, errors: 6 };
    const alone = new Watched();
    alone.through(WARM);
    const { after } = alone.through({ minutes: 600, stable: GOOD, candidate: slightly });
    const raised = new Watched();
    raised.through({ ...WARM, percent: 25 });
    expect(
      raised.through({ minutes: after - 2, percent: 25, stable: GOOD, candidate: slightly }).event,
    ).toBeNull();
    expect(raised.through({ minutes: 600, percent: 50, stable: GOOD, candidate: slightly }).after).toBe(2);
  });

  it('says harm that goes on once an hour, and no more when it has ended', () => {
    const guard = new Watched();
    guard.through(WARM);
    const slower: Traffic = { minutes: 59, stable: GOOD, candidate: SLOWER };
    expect(guard.through(slower).event?.kind).toBe('harm');
    expect(guard.through(slower).event).toBeNull();
    expect(guard.through({ ...slower, minutes: 5 }).event?.kind).toBe('harm');
    expect(guard.through({ minutes: 240, stable: GOOD, candidate: GOOD }).event).toBeNull();
  });

  it('at 100 % compares with what stable did last, three times as wide', () => {
    const none = { requests: 0 };
    const at100 = (errors: number) => {
      const guard = new Watched();
      guard.through(WARM);
      return (
        guard.through({ minutes: 120, percent: 100, stable: none, candidate: { ...GOOD, errors } }).event
          ?.kind ?? null
      );
    };
    expect(at100(5)).toBeNull();
    expect(at100(30)).toBe('breach');
  });

  it.each(['threshold', 'sequentialTest'] as const)(
    'keeps the triggers of the runbook with the decision rule %s',
    (decisionRule) => {
      const guard = new Watched({ ...runbook, decisionRule, guard: { ...runbook.guard, harms: [] } });
      guard.through(WARM);
      const { event, after } = guard.through({
        minutes: 30,
        stable: GOOD,
        candidate: { ...GOOD, errors: 13 },
      });
      expect(event).toMatchObject({ kind: 'breach', trigger: 'error rate' });
      expect(after).toBeGreaterThanOrEqual(8);
    },
  );
});
