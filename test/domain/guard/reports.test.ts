import { describe, expect, it } from 'vitest';
import type { ControlView } from '../../../domain/control/state.ts';
import { firstState } from '../../../domain/control/apply-command.ts';
import type { GuardProgress } from '../../../domain/guard/reports.ts';
import { newProgress, progress } from '../../../domain/guard/reports.ts';
import { aPlan } from '../../support/a-plan.ts';
import { counters, snapshot } from '../../support/lane-traffic.ts';

const MINUTE = 60_000;
const CONTEXT = {
  plan: aPlan(),
  epoch: 1,
  interventions: 0,
  candidateQuality: null,
  stableQuality: null,
};
const HAND = { kind: 'byHand', by: 'bob', what: 'percent to 3', atMs: 0, percentBefore: 5 } as const;

function view(state: object): ControlView {
  const lanes = { stable: null, candidate: null, previous: null, spare: null };
  const first = firstState({ release: 'v-1', flags: null }, 0);
  return { state: { ...first, epoch: 1, ...state }, lanes, nowMs: 0, killSwitch: false };
}

/** Polls a minute apart; `sees`: whether there are metrics. */
function after(minutes: number, from: GuardProgress, sees: boolean, state: object = {}, startMin = 0) {
  let now = from;
  for (let minute = startMin + 1; minute <= startMin + minutes; minute++) {
    const nowMs = minute * MINUTE;
    const read = snapshot(nowMs, counters({ release: 'v-1' }), counters({ release: 'v0' }));
    const poll = {
      snapshot: sees ? read : ({ kind: 'missing', reason: 'gone' } as const),
      control: view(state),
    };
    now = progress(now, poll, CONTEXT, nowMs);
  }
  return now;
}
const kinds = ({ unsent }: GuardProgress) => unsent.map(({ event }) => event.kind);

describe('what a guard reports in days of watching', () => {
  it('is each hand once, since it knows the intervention itself then', () => {
    const hand = { interventions: 1, lastIntervention: HAND };
    const once = after(60, newProgress('a', 0), true, hand);
    expect(kinds(once)).toEqual(['intervened']);
    expect(kinds(after(60, once, true, { ...hand, interventions: 2 }, 60))).toEqual([
      'intervened',
      'intervened',
    ]);
  });

  it('is that it is blind, and for too long, and again every half an hour', () => {
    const blind = after(121, newProgress('a', 0), false);
    expect(kinds(blind)).toEqual([
      'noTelemetry',
      'noTelemetryTimeout',
      'noTelemetryTimeout',
      'noTelemetryTimeout',
      'noTelemetryTimeout',
    ]);
  });

  it('is once that somebody else has the epoch, and nothing after that', () => {
    const over = after(60, newProgress('a', 0), true, { epoch: 2, owner: 'ada' });
    expect(kinds(over)).toEqual(['superseded']);
    expect(over.over).toBe(true);
  });

  it('stays until it is taken, under a key that the same report has again after a kill, and no other', () => {
    const before = after(1, newProgress('a', 0), false);
    const blind = after(2, before, false, {}, 1);
    const [report] = blind.unsent;
    if (report === undefined) throw new Error('nothing is reported');
    // The heartbeat with the report was not sent: the next attempt begins before it.
    expect(after(2, before, false, {}, 1).unsent[0]?.key).toBe(report.key);
    const hand = after(1, before, true, { interventions: 1, lastIntervention: HAND }, 1);
    expect(hand.unsent[0]?.key).not.toBe(report.key);
    expect(after(3, newProgress('b', 0), false).unsent[0]?.key).not.toBe(report.key);
  });
});
