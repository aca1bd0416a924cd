import { describe, expect, it } from 'vitest';
import type { ControlState, ControlView } from '../../../domain/control/state.ts';
import { firstState } from '../../../domain/control/apply-command.ts';
import { guardStep, newGuard } from '../../../domain/guard/guard.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import type { SnapshotResult } from '../../../domain/metrics/snapshot.ts';
import type { LaneDelta } from '../../support/lane-traffic.ts';
import { counters, snapshot, sum } from '../../support/lane-traffic.ts';
import type { GuardContext, GuardEvent, GuardState } from '../../../domain/guard/state.ts';

const POLL_MS = 15_000;
const MINUTE = 60_000;

const plan = {
  guard: {
    pollMs: POLL_MS,
    leaseTtlMs: 120_000,
    onLeaseExpiry: 'zero',
    noTelemetryAfterMs: 2 * MINUTE,
    noTelemetryMaxMs: 30 * MINUTE,
    notReadyMs: 30_000,
    rAt5DropOver: 0.1,
    triggers: [
      {
        name: 'errors',
        metric: 'errorRate',
        over: 0.01,
        overMs: MINUTE,
        minSamples: 20,
        forMs: 10 * MINUTE,
        polls: 0,
      },
      {
        name: 'slow',
        metric: 'endToEndP95',
        over: 20,
        overMs: MINUTE,
        minSamples: 20,
        forMs: 10 * MINUTE,
        polls: 0,
      },
      { name: 'gross', metric: 'errorRate', over: 0.2, overMs: MINUTE, minSamples: 50, forMs: 0, polls: 3 },
    ],
  },
} as unknown as Plan;
const context: GuardContext = {
  plan,
  epoch: 1,
  interventions: 0,
  candidateQuality: null,
  stableQuality: null,
};

function view(more: Partial<ControlState> = {}): ControlView {
  const state = {
    ...firstState({ release: 'v-1', flags: null }, 0),
    epoch: 1,
    owner: 'us',
    percent: 5,
    ...more,
  };
  return {
    state,
    lanes: { stable: null, candidate: null, previous: null, spare: null },
    nowMs: 0,
    killSwitch: false,
  };
}

interface Minute {
  readonly stable?: LaneDelta;
  readonly candidate?: LaneDelta | 'missing';
  /** The gateway answers with the body that it answered with before. */
  readonly standsStill?: boolean;
}

type Notified = { minute: number } & GuardEvent & { kind: 'breaching' };

/** Polls through minutes of traffic; the event that ends the watch, the minute it came in, and what was reported before. Of one kind only the minutes are noted. */
function watch(
  traffic: readonly Minute[],
  processStart: (minute: number) => number = () => 1,
  passOver?: GuardEvent['kind'],
): { event: GuardEvent | null; minute: number; notified: Notified[]; passedOver: number[] } {
  let state: GuardState = newGuard(0);
  const notified: Notified[] = [];
  const passedOver: number[] = [];
  const polls = MINUTE / POLL_MS;
  const lanes = {
    stable: counters({ requests: 0, release: 'v-1' }),
    candidate: counters({ requests: 0, release: 'v0' }),
  };
  let last: SnapshotResult | null = null;
  for (const [minute, { stable = {}, candidate = {}, standsStill = false }] of traffic.entries()) {
    for (let poll = 0; poll < polls; poll++) {
      const nowMs = minute * MINUTE + (poll + 1) * POLL_MS;
      let result: SnapshotResult = { kind: 'missing', reason: 'the gateway does not answer' };
      if (candidate !== 'missing') {
        Object.assign(lanes, {
          stable: add(lanes.stable, { release: 'v-1', ...stable }),
          candidate: add(lanes.candidate, { release: 'v0', ...candidate }),
        });
        result = snapshot(nowMs, lanes.stable, lanes.candidate, { processStartMs: processStart(minute) });
      }
      if (standsStill && last !== null) result = last;
      last = result;
      const step = guardStep(state, { snapshot: result, control: view() }, context, nowMs);
      state = step.state;
      if (step.event?.kind === 'breaching') notified.push({ minute: minute + 1, ...step.event });
      else if (step.event?.kind === passOver && step.event !== null) passedOver.push(minute + 1);
      else if (step.event !== null) return { event: step.event, minute: minute + 1, notified, passedOver };
    }
  }
  return { event: null, minute: traffic.length, notified, passedOver };
}

/** A quarter of a minute's traffic on top of what was counted. */
function add(before: ReturnType<typeof counters>, did: LaneDelta): ReturnType<typeof counters> {
  return sum(before, counters({ requests: 100, ...did }));
}

function minutes(n: number, minute: Minute): Minute[] {
  return Array.from({ length: n }, () => minute);
}

describe('the guard', () => {
  it('says nothing of a good release for an hour', () => {
    expect(watch(minutes(60, {})).event).toBeNull();
  });

  it('says nothing without any traffic', () => {
    expect(watch(minutes(60, { stable: { requests: 0 }, candidate: { requests: 0 } })).event).toBeNull();
  });

  it('is blind after two minutes of a body that stands still, whatever fails meanwhile', () => {
    const failing = { standsStill: true, candidate: { errors: 50 } };
    const { event, minute } = watch([...minutes(5, {}), ...minutes(300, failing)]);
    expect(event).toMatchObject({
      kind: 'noTelemetry',
      reason: expect.stringContaining('the metrics stand still'),
    });
    expect(minute).toBe(7);
    expect(watch([...minutes(5, {}), ...minutes(300, failing)], () => 1, 'noTelemetry')).toMatchObject({
      event: { kind: 'noTelemetryTimeout' },
      minute: 35,
    });
  });

  it('minds no cache of a minute in between', () => {
    const cached = Array.from({ length: 60 }, (_, i) => ({ standsStill: i % 2 === 1 }));
    expect(watch([...minutes(5, {}), ...cached]).event).toBeNull();
  });

  it('[D3, E1] rolls back after 10 minutes of over 1 % errors', () => {
    const { event, minute } = watch([...minutes(5, {}), ...minutes(15, { candidate: { errors: 3 } })]);
    expect(event).toMatchObject({ kind: 'breach', trigger: 'errors' });
    expect(minute).toBeGreaterThanOrEqual(14);
    expect(minute).toBeLessThanOrEqual(16);
  });

  it('[E1] forgives a spike of five minutes', () => {
    expect(
      watch([...minutes(5, {}), ...minutes(5, { candidate: { errors: 5 } }), ...minutes(20, {})]).event,
    ).toBeNull();
  });

  it('[E2.1] tells of a breach in the minute it begins, ten minutes before it acts, with the numbers', () => {
    const { event, minute, notified } = watch([
      ...minutes(5, {}),
      ...minutes(15, { candidate: { errors: 5 } }),
    ]);
    expect(notified).toMatchObject([
      { trigger: 'errors', reason: expect.stringMatching(/of 400 requests .*1 % allowed/) },
    ]);
    expect(notified[0]?.minute).toBe(6);
    expect(event).toMatchObject({ kind: 'breach' });
    expect(minute - 6).toBeGreaterThanOrEqual(8);
  });

  it('tells of a breach that comes and goes once, and again when it comes back after its end', () => {
    const flapping = [...minutes(1, { candidate: { errors: 5 } }), ...minutes(2, {})];
    const quiet = minutes(15, {});
    const traffic = [...quiet, ...flapping, ...flapping, ...quiet, ...flapping];
    const { notified } = watch(traffic);
    expect(notified.map(({ minute }) => minute)).toEqual([16, 37]);
  });

  it('tells nobody of a single error among few requests', () => {
    // A quarter at each of four polls.
    const one = { candidate: { requests: 6, errors: 0.25 } };
    const none = { candidate: { requests: 6 } };
    expect(watch([...minutes(5, none), ...minutes(1, one), ...minutes(5, none)]).notified).toEqual([]);
  });

  it('says where stable breaches as well', () => {
    const bad = { errors: 5 };
    const tells = (stable: LaneDelta) =>
      watch([...minutes(2, {}), ...minutes(1, { stable, candidate: bad })]).notified[0];
    expect(tells(bad)).toMatchObject({ stableToo: true });
    expect(tells({})).toMatchObject({ stableToo: false });
  });

  it('tells of a lane that is down, and rolls back', () => {
    const { event, notified } = watch([
      ...minutes(2, {}),
      ...minutes(5, { candidate: { requests: 0, breakerOpen: true } }),
    ]);
    expect(notified[0]).toMatchObject({ minute: 3, trigger: 'errors, gross' });
    expect(event).toMatchObject({ kind: 'breach' });
  });

  it('tells and rolls back at 100 % as well, where stable has no users to compare with', () => {
    const stable = { requests: 0 };
    const { event, notified } = watch([
      ...minutes(5, { stable }),
      ...minutes(15, { stable, candidate: { errors: 5 } }),
    ]);
    expect(notified).toHaveLength(1);
    expect(event).toMatchObject({ kind: 'breach', trigger: 'errors' });
  });

  it('[E3.1] rolls back at once when a third of the requests fail', () => {
    const { event, minute } = watch([...minutes(5, {}), ...minutes(5, { candidate: { errors: 33 } })]);
    expect(event).toMatchObject({ kind: 'breach', trigger: 'gross' });
    expect(minute).toBeLessThanOrEqual(7);
  });

  it('[E2] rolls back when the candidate is over 20 ms for 10 minutes', () => {
    const { event } = watch(
      minutes(15, {
        candidate: {
          latencies: [
            [0.9, 5],
            [0.1, 40],
          ],
        },
      }),
    );
    expect(event).toMatchObject({ kind: 'breach', trigger: 'slow' });
  });

  it.each([
    ['is not ready for over 30 s', { requests: 0, notReadySeconds: 31 }],
    ['is shut off by its breaker', { requests: 0, breakerOpen: true }],
  ])('takes a candidate that %s for broken, not for missing', (_, candidate) => {
    expect(watch(minutes(5, { candidate })).event).toMatchObject({ kind: 'breach', trigger: 'gross' });
  });

  it('does not mind a lane that has been starting for 20 s', () => {
    expect(watch(minutes(5, { candidate: { requests: 0, notReadySeconds: 20 } })).event).toBeNull();
  });

  it('knows that a rollback would not help where stable is as bad', () => {
    const bad = { errors: 40 };
    expect(watch(minutes(5, { stable: bad, candidate: bad })).event).toMatchObject({
      kind: 'baselineAlsoFailing',
    });
  });

  it('says so of an hour of it every half an hour for each rule, and once that it begins', () => {
    const bad = { errors: 30 };
    const { event, notified, passedOver } = watch(
      minutes(60, { stable: bad, candidate: bad }),
      () => 1,
      'baselineAlsoFailing',
    );
    expect(event).toBeNull();
    expect(notified.length).toBeLessThanOrEqual(2);
    expect(passedOver.length).toBeGreaterThanOrEqual(2);
    expect(passedOver.length).toBeLessThanOrEqual(4);
  });

  it('takes users back once stable is well again and the candidate is not', () => {
    const bad = { errors: 30 };
    const { event, minute } = watch(
      [...minutes(15, { stable: bad, candidate: bad }), ...minutes(15, { candidate: bad })],
      () => 1,
      'baselineAlsoFailing',
    );
    expect(event).toMatchObject({ kind: 'breach' });
    expect(minute).toBeGreaterThan(15);
  });

  it('resets its counters after a restart of the gateway', () => {
    expect(watch(minutes(20, {}), (minute) => (minute < 10 ? 1 : 2)).event).toBeNull();
  });

  it('reports after 2 minutes that it is blind', () => {
    const { event, minute } = watch([...minutes(3, {}), ...minutes(5, { candidate: 'missing' })]);
    expect(event).toMatchObject({ kind: 'noTelemetry' });
    expect(minute).toBe(5);
  });

  it('goes on being blind after it has said so, and gives up after 30 minutes', () => {
    const poll = { snapshot: { kind: 'missing', reason: 'gone' }, control: view() } as const;
    const said = { ...newGuard(0), noTelemetryNotified: { kind: 'noTelemetry', atMs: 2 * MINUTE } } as const;
    expect(guardStep(said, poll, context, 10 * MINUTE).event).toBeNull();
    expect(guardStep(said, poll, context, 30 * MINUTE).event).toMatchObject({ kind: 'noTelemetryTimeout' });
  });

  it('does not add up bad minutes across a gap of three', () => {
    const bad = minutes(5, { candidate: { errors: 3 } });
    const gap = minutes(3, { candidate: 'missing' });
    expect(watch([...bad, ...gap, ...bad], () => 1, 'noTelemetry').event).toBeNull();
    expect(watch([...bad, ...minutes(1, { candidate: 'missing' }), ...bad]).event).toMatchObject({
      kind: 'breach',
    });
  });

  it.each([
    ['a newer epoch', { epoch: 2, owner: 'operator' }, { kind: 'superseded' }],
    [
      'a change by hand',
      {
        interventions: 1,
        lastIntervention: { kind: 'byHand', by: 'ada', atMs: 1, what: 'percent 5 to 0', percentBefore: 5 },
        percent: 0,
      },
      { kind: 'intervened', interventions: 1, percent: 0 },
    ],
  ] as const)('sees %s', (_, state, event) => {
    const lane = counters({});
    const poll = { snapshot: snapshot(1, lane, lane), control: view(state) };
    expect(guardStep(newGuard(0), poll, context, 1).event).toMatchObject(event);
  });
});
