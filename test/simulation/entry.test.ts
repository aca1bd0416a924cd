import { describe, expect, it } from 'vitest';
import { firstState } from '../../domain/control/apply-command.ts';
import { seededRandom } from '../../devstack/traffic/arrivals.ts';
import { SimulatedLanes } from '../../simulation/lanes.ts';
import type { Observer, World } from '../../simulation/simulate.ts';
import { simulate } from '../../simulation/simulate.ts';
import { aPlan } from '../support/a-plan.ts';

const GOOD = { errorRate: 0.0005, medianMs: 1.5, sigma: 0.45, qualityShare: 0.954 };
const MINUTE = 60_000;

/** A world as another program would write one: counters of two lanes, and a gateway whose answers take their time. */
function aWorld(candidate: Partial<typeof GOOD>, firstRaise: 'answered' | 'fails twice' = 'answered'): World {
  const releases = { stable: 'v-1', candidate: 'v0' };
  const behaviour = { ...GOOD, ...candidate };
  const moment = { requestsPerSecond: 50, stable: GOOD, candidate: behaviour, metrics: true, split: 1 };
  const conditions = { at: () => moment, rAt5Drop: () => 0, expectedShare: GOOD.qualityShare };
  const lanes = new SimulatedLanes(conditions, releases, seededRandom(7));
  const control = { ...firstState({ release: 'v-1', flags: null }, 0), epoch: 1 };
  const none = { stable: null, candidate: null, previous: null, spare: null };
  let [percent, stable, nowMs, failures] = [0, 'v-1', 0, firstRaise === 'answered' ? 0 : 2];
  const view = () => ({
    state: { ...control, percent, lanes: { ...control.lanes, stable: { release: stable, flags: null } } },
    lanes: none,
    nowMs,
    killSwitch: false,
  });
  const quality = (release: string) => ({
    release,
    tau: 0.5,
    expectedShare: 0.954,
    rAt5: 0.63,
    queries: 800,
  });
  const at = { rAt5: 0.63, mrr: 0.47, containAt50: 0.96 };
  return {
    candidate: 'v0',
    advance(to) {
      nowMs = to;
      lanes.advance(to);
    },
    preflight: () => ({
      checks: [],
      stable: 'v-1',
      candidateQuality: quality('v0'),
      stableQuality: quality('v-1'),
    }),
    snapshot: () => lanes.snapshot(),
    control: view,
    evaluate: () => ({
      afterMs: 2 * MINUTE,
      result: {
        kind: 'evaluated',
        release: 'v0',
        atMs: nowMs,
        queries: 800,
        ...at,
        expected: at,
        lostAt5: 4,
        gainedAt5: 4,
        file: '',
      },
    }),
    change({ change }) {
      const raise = change.commands.find(
        (command) => command.kind === 'setTraffic' && (command.percent ?? 0) > 0,
      );
      if (raise !== undefined && failures-- > 0) return { afterMs: 5_000, failed: 'no connection' };
      for (const command of change.commands) {
        if (command.kind === 'promote') stable = 'v0';
        if (command.kind !== 'setTraffic' || command.percent === undefined) continue;
        percent = command.percent;
        lanes.setPercent(percent, 10);
      }
      return { afterMs: 1_000, result: { kind: 'done', view: view() } };
    },
    settle: () => ({ kind: 'done', view: view() }),
    tune: () => ({ afterMs: MINUTE, result: { outcome: 'hold', nprobe: null, reason: 'none' } }),
  };
}

/** What an observer receives, in order. */
function heard() {
  const lines = { commands: [] as string[], events: [] as string[], verdicts: [] as string[], polls: 0 };
  let lastMs = 0;
  const observer: Observer = {
    began: (nowMs, command) => {
      expect(nowMs).toBeGreaterThanOrEqual(lastMs);
      lastMs = nowMs;
      if (command.do !== 'wait') lines.commands.push(command.do);
    },
    reduced: (_nowMs, { kind }, before, after, effects) => {
      expect(after.timeline.length).toBeGreaterThanOrEqual(before.timeline.length);
      lines.events.push(kind);
      for (const effect of effects)
        if (effect.kind === 'record' && effect.decision.kind === 'verdict')
          lines.verdicts.push(`${effect.decision.percent}: ${effect.decision.verdict}`);
    },
    polled: () => lines.polls++,
  };
  return { lines, observer };
}

describe('simulate', () => {
  const plan = aPlan({}, 'runbook-48h');

  it('ships a good release through all stages, and tells commands, events and decisions in order', () => {
    const { lines, observer } = heard();
    const end = simulate(plan, aWorld({}), { observer });
    expect([end.end, end.reason]).toEqual(['shipped', expect.any(String)]);
    expect(end.raises.map(({ percent }) => percent)).toEqual([5, 25, 50, 100]);
    expect(lines.commands.slice(0, 5)).toEqual(['preflight', 'fence', 'load', 'snapshot', 'snapshot']);
    expect(lines.commands.at(-1)).toBe('promote');
    expect(lines.events.at(-1)).toBe('changed');
    expect(lines.verdicts.every((verdict) => verdict.endsWith('pass'))).toBe(true);
    expect(lines.verdicts.map((verdict) => parseInt(verdict))).toEqual([5, 5, 25, 25, 50, 50, 100]);
    // 48 hours at the plan's own 15 seconds.
    expect(lines.polls).toBeGreaterThan(11_000);
  });

  it('rolls a release with errors back within minutes of its first user', () => {
    const { lines, observer } = heard();
    const end = simulate(plan, aWorld({ errorRate: 0.3 }), { observer });
    expect([end.end, end.state.phase]).toEqual(['rolledBack', 'rollback']);
    expect(end.endMs - (end.raises[0]?.atMs ?? 0)).toBeLessThan(6 * MINUTE);
    expect(lines.events.at(-1)).toBe('guard');
  });

  it('makes a call again that fails, and says that it is late', () => {
    const { lines, observer } = heard();
    const end = simulate(plan, aWorld({ errorRate: 0.3 }, 'fails twice'), { observer });
    expect(lines.events.filter((kind) => kind === 'late')).toHaveLength(2);
    expect(end.raises.map(({ percent }) => percent)).toEqual([5]);
  });
});
