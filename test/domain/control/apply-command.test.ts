import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ControlChange, Promote, TrafficCommand } from '../../../domain/control/change.ts';
import type { ControlState } from '../../../domain/control/state.ts';
import type { Command } from '../../../domain/control/apply-command.ts';
import { applyCommand, firstState, nextTickMs } from '../../../domain/control/apply-command.ts';
import { NEWEST_SPLIT } from '../../../domain/control/traffic-split.ts';
import type { World } from '../../../domain/control/command-result.ts';
import { flagsOf, load, promote, traffic } from '../../support/control-commands.ts';

const T = 1_000_000;
const WORLD: World = { killSwitch: false, warm: ['v-1', 'v0'] };
const LEASE = { ttlMs: 100, onExpiry: 'zero' } as const;
const TRIAL = { kind: 'startExperiment', name: 'trial', offPercent: 10, forMs: 900 } as const;
const FLAGS = { impl: 'gru_v0', reranker: 'off', nprobe: 4 } as const;

/** A state reached by what led there; each call has to be accepted. */
function after(...commands: readonly (Command | [Command, number])[]): ControlState {
  let state = firstState({ release: 'v-1', flags: null }, T);
  for (const entry of commands) {
    const [command, atMs] = Array.isArray(entry) ? entry : [entry, T];
    const applied = applyCommand(state, command, atMs);
    if (applied.kind === 'refused') throw new Error(applied.refusal.reason);
    state = applied.state;
  }
  return state;
}

function epoch(owner: string, seen = { owner: 'nobody', epoch: 0 }): Command {
  return { kind: 'takeEpoch', body: { owner, key: `${owner}/start`, expected: seen } };
}

function hand(command: TrafficCommand, world = WORLD): Command {
  return { kind: 'change', body: { by: 'ann', ...only(command) }, world };
}

let steps = 0;
function fenced(
  command: TrafficCommand,
  { epoch: of = 1, ...known }: { epoch?: number; interventions?: number } = {},
): Command {
  const step = `step ${steps++}`;
  return { kind: 'change', body: { by: 'run', epoch: of, step, ...known, ...only(command) }, world: WORLD };
}

function only(command: TrafficCommand): Pick<ControlChange, 'commands'> {
  return { commands: command.kind === 'promote' ? [command] : [command] };
}

let rollbacks = 0;
function back(to: string, world = WORLD): Command {
  return { kind: 'rollback', body: { key: `by hand ${rollbacks++}`, by: 'ann', to }, world };
}

const owned = { key: 'rollback/1', by: 'rollback', owner: 'rollback', to: null };
const ofWorkflow: Command = { kind: 'rollback', body: owned, world: WORLD };

const tick: Command = { kind: 'tick' };
const loaded = [epoch('run'), fenced(load('v0'))];
const at = (percent: number): Command => fenced(traffic(percent, { lease: LEASE }), { interventions: 0 });
const promoted = [...loaded, at(100), fenced(promote(500))];
const swapped = [...promoted, { kind: 'finishPromotion' } as const];
/** The same, where stable was put on the fallback before. */
const swappedAfterFlip = [
  hand(flagsOf('stable', FLAGS)),
  ...loaded,
  fenced(traffic(100), { interventions: 1 }),
  fenced(promote(500)),
  { kind: 'finishPromotion' } as const,
];

describe('fence: what is done', () => {
  const lanes = { stable: { release: 'v-1', flags: null }, candidate: { release: 'v0', flags: null } };
  const rows: [string, ControlState, object][] = [
    ['an epoch is taken by compare-and-set', after(epoch('run')), { epoch: 1, owner: 'run' }],
    ['an epoch asked for twice is the same', after(epoch('run'), epoch('run')), { epoch: 1 }],
    ['a candidate is loaded with its own flags', after(...loaded), { percent: 0, lanes }],
    ['a raise brings its lease', after(...loaded, at(5)), { percent: 5, lease: { expiresAtMs: T + 100 } }],
    ['at 100 % nothing is leased', after(...loaded, at(5), at(100)), { percent: 100, lease: null }],
    ['at 0 % nothing is leased', after(...loaded, at(5), fenced(traffic(0))), { lease: null }],
    [
      'a lease that runs out takes the share to 0 and counts',
      after(...loaded, at(25), [tick, T + 100]),
      {
        percent: 0,
        lease: null,
        interventions: 1,
        lastIntervention: { kind: 'leaseLost', percentBefore: 25 },
      },
    ],
    [
      'a lease that may keep the share keeps it, and counts',
      after(
        ...loaded,
        fenced(traffic(25, { lease: { ttlMs: 100, onExpiry: 'keep' } }), { interventions: 0 }),
        [tick, T + 100],
      ),
      { percent: 25, lease: null, interventions: 1 },
    ],
    [
      'a renewed lease lasts from the renewal on',
      after(
        ...loaded,
        at(5),
        [{ kind: 'renewLease', body: { epoch: 1, ttlMs: 100 } }, T + 60],
        [tick, T + 159],
      ),
      { percent: 5, lease: { expiresAtMs: T + 160 } },
    ],
    [
      'a change by hand counts and says who',
      after(...loaded, at(5), hand(traffic(2))),
      { percent: 2, interventions: 1, changedBy: 'ann' },
    ],
    [
      'a dry run in the spare lane is no intervention',
      after(hand(load('v0', 'spare'))),
      { interventions: 0, lanes: { spare: { release: 'v0' } } },
    ],
    [
      'a raise may set the shadow, and what follows leaves it',
      after(...loaded, fenced(traffic(5, { shadowPercent: 20, lease: LEASE }), { interventions: 0 }), at(25)),
      { percent: 25, shadowPercent: 20 },
    ],
    [
      'a shadow by hand is no intervention',
      after(...loaded, at(5), hand({ kind: 'setTraffic', shadowPercent: 3 })),
      { shadowPercent: 3, interventions: 0, changedBy: 'run' },
    ],
    [
      'an experiment begins with an epoch, for a time',
      after(epoch('run'), fenced(TRIAL)),
      { experiment: { name: 'trial', offPercent: 10, untilMs: T + 900 }, percent: 0, interventions: 0 },
    ],
    [
      'an experiment ends when its time is over',
      after(epoch('run'), fenced(TRIAL), [tick, T + 900]),
      { experiment: null, interventions: 0 },
    ],
    [
      'an experiment ends with its epoch',
      after(epoch('run'), fenced(TRIAL), epoch('rollout', { owner: 'run', epoch: 1 })),
      { experiment: null, epoch: 2 },
    ],
    [
      'an experiment is not ended by what says nothing of it',
      after(epoch('run'), fenced(TRIAL), hand(load('v0', 'spare'))),
      { experiment: { name: 'trial' } },
    ],
    [
      'a hand ends an experiment, and that counts',
      after(epoch('run'), fenced(TRIAL), hand({ kind: 'endExperiment' })),
      { experiment: null, interventions: 1, lastIntervention: { what: 'ended the experiment' } },
    ],
    [
      'users on a candidate end an experiment',
      after(...loaded, fenced(TRIAL), hand(traffic(5))),
      { experiment: null, percent: 5 },
    ],
    ['a rollback ends an experiment', after(...loaded, fenced(TRIAL), back('v-1')), { experiment: null }],
    [
      'flags by hand',
      after(...loaded, hand(flagsOf('candidate', FLAGS))),
      { lanes: { candidate: { flags: FLAGS } } },
    ],
    [
      '[E5] a rollback by hand takes the fence along',
      after(...loaded, at(50), back('v-1')),
      { percent: 0, epoch: 2, owner: 'ann', lease: null },
    ],
    [
      'a rollback by a workflow takes the next epoch, and is no intervention',
      after(...loaded, at(50), ofWorkflow),
      { percent: 0, epoch: 2, owner: 'rollback', interventions: 0, lease: null },
    ],
    [
      'a promotion is an intent first',
      after(...promoted),
      { percent: 100, promoting: { untilMs: T + 500 }, lanes },
    ],
    [
      'then the lanes are swapped',
      after(...swapped),
      {
        percent: 0,
        promoting: null,
        lanes: { stable: { release: 'v0' }, candidate: null, previous: { release: 'v-1', untilMs: T + 500 } },
      },
    ],
    [
      'the old release ends when its time is over',
      after(...swapped, [tick, T + 500]),
      { lanes: { previous: null } },
    ],
    [
      '[P5.1] a rollback to the warm previous is done at once',
      after(...swapped, back('v-1')),
      { restoring: null, lanes: { stable: { release: 'v-1' }, previous: null } },
    ],
    [
      'a previous that does not answer is waited for',
      after(...swapped, back('v-1', { killSwitch: false, warm: [] })),
      { restoring: 'v-1', lanes: { stable: { release: 'v0' }, spare: { release: 'v-1' }, previous: null } },
    ],
    [
      'a release comes back under the flags that users had of it, such as those of an emergency',
      after(...swappedAfterFlip, back('v-1')),
      { lanes: { stable: { release: 'v-1', flags: FLAGS }, previous: null } },
    ],
    [
      'and likewise where it has to be loaded first',
      after(...swappedAfterFlip, back('v-1', { killSwitch: false, warm: [] })),
      { restoring: 'v-1', lanes: { spare: { release: 'v-1', flags: FLAGS } } },
    ],
    [
      'a cold release goes through the spare lane',
      after(back('v-2')),
      { restoring: 'v-2', lanes: { stable: { release: 'v-1' }, spare: { release: 'v-2' } } },
    ],
    [
      'and is stable when that lane is ready',
      after(back('v-2'), { kind: 'spareReady', release: 'v-2' }),
      { restoring: null, lanes: { stable: { release: 'v-2' }, spare: null } },
    ],
    [
      'a spare lane of a dry run is never made stable',
      after(hand(load('v-2', 'spare')), { kind: 'spareReady', release: 'v-2' }),
      { lanes: { stable: { release: 'v-1' } } },
    ],
    [
      'a later rollback replaces one that waits',
      after(back('v-2'), back('v-1')),
      { restoring: null, lanes: { stable: { release: 'v-1' }, spare: null } },
    ],
    [
      'a rollback ends a promotion under way',
      after(...promoted, back('v-1'), { kind: 'finishPromotion' }),
      { promoting: null, percent: 0, lanes },
    ],
    [
      'the kill switch takes users off and counts',
      after(...loaded, at(25), { kind: 'killSwitch' }),
      { percent: 0, interventions: 1 },
    ],
    ['the kill switch without a share changes nothing', after({ kind: 'killSwitch' }), { interventions: 0 }],
  ];
  it.each(rows)('%s', (_, state, expected) => expect(state).toMatchObject(expected));

  it('a repeated step answers as the first time and changes nothing', () => {
    const raise = at(5);
    const state = after(...loaded, raise, hand(traffic(0)));
    expect(applyCommand(state, raise, T)).toEqual({ kind: 'done', state });
  });
});

describe('fence: what is refused', () => {
  const shared = [...loaded, at(25)];
  const rows: [string, ControlState, Command, string, RegExp][] = [
    ['an epoch when another was seen', after(epoch('a')), epoch('b'), 'staleEpoch', /held by a/],
    [
      'an old epoch',
      after(...shared, epoch('b', { owner: 'run', epoch: 1 })),
      fenced(traffic(0)),
      'staleEpoch',
      /epoch 2/,
    ],
    [
      'an experiment by hand',
      after(epoch('run')),
      hand(TRIAL),
      'invalid',
      /only the holder of an epoch begins one/,
    ],
    [
      'an experiment while the candidate has users',
      after(...shared),
      fenced(TRIAL),
      'invalid',
      /the candidate has users/,
    ],
    [
      'an experiment with most of the users',
      after(epoch('run')),
      fenced({ ...TRIAL, offPercent: 51 }),
      'invalid',
      /offPercent: must be over 0 and at most 50/,
    ],
    [
      'an experiment of an old epoch',
      after(epoch('run'), epoch('b', { owner: 'run', epoch: 1 })),
      fenced(TRIAL),
      'staleEpoch',
      /epoch 2/,
    ],
    [
      'a shadow of more than all queries',
      after(...shared),
      fenced({ kind: 'setTraffic', shadowPercent: 101 }),
      'invalid',
      /shadowPercent: must be from 0 to 100/,
    ],
    [
      'a renewal of an old epoch',
      after(...shared),
      { kind: 'renewLease', body: { epoch: 0, ttlMs: 1 } },
      'staleEpoch',
      /epoch 1/,
    ],
    [
      'a renewal of a lost lease',
      after(...shared, [tick, T + 100]),
      { kind: 'renewLease', body: { epoch: 1, ttlMs: 1 } },
      'intervened',
      /no lease/,
    ],
    [
      'a raise after a hand that it does not know of',
      after(...shared, hand(traffic(5))),
      at(50),
      'intervened',
      /ann: percent 25 -> 5/,
    ],
    ['a raise after a lost lease', after(...shared, [tick, T + 100]), at(50), 'intervened', /lease ran out/],
    ['a raise after a rollback by hand', after(...shared, back('v-1')), at(50), 'staleEpoch', /held by ann/],
    [
      'flags after a hand that the holder does not know of',
      after(...shared, hand(flagsOf('candidate', { impl: 'gru_v0', reranker: 'on', nprobe: 16 }))),
      fenced(flagsOf('candidate', { impl: 'amn_v0', reranker: 'on', nprobe: 4 }), { interventions: 0 }),
      'intervened',
      /ann: flags of candidate/,
    ],
    [
      'a promotion after a hand went to 0 %',
      after(...loaded, at(100), hand(traffic(0))),
      fenced(promote(1)),
      'intervened',
      /ann/,
    ],
    [
      '[P5.3] a raise under the kill switch',
      after(...loaded),
      hand(traffic(5), { ...WORLD, killSwitch: true }),
      'intervened',
      /CANARY_PERCENT=0/,
    ],
    ['a share without a candidate', after(), hand(traffic(5)), 'invalid', /no candidate/],
    [
      'a share without a lease',
      after(...loaded),
      fenced(traffic(5), { interventions: 0 }),
      'invalid',
      /lease/,
    ],
    ['a lease by hand', after(...loaded), hand(traffic(5, { lease: LEASE })), 'invalid', /lease/],
    ['another candidate while users are on one', after(...shared), hand(load('v1')), 'invalid', /percent 0/],
    ['a promotion below 100 %', after(...shared), fenced(promote(1)), 'invalid', /it is 25/],
    ['flags of no candidate', after(), hand(flagsOf('candidate', FLAGS)), 'invalid', /no candidate/],
    [
      'a raise while a rollback waits',
      after(...shared, back('v-2')),
      hand(traffic(5)),
      'invalid',
      /way back to v-2/,
    ],
    ['a dry run while a rollback waits', after(back('v-2')), hand(load('v-3', 'spare')), 'invalid', /in use/],
  ];
  it.each(rows)('%s', (_, state, command, kind, reason) => {
    const applied = applyCommand(state, command, T);
    expect(applied).toMatchObject({
      kind: 'refused',
      state,
      refusal: { kind, reason: expect.stringMatching(reason) },
    });
  });

  it('a renewal that comes too late loses the lease all the same', () => {
    const applied = applyCommand(
      after(...shared),
      { kind: 'renewLease', body: { epoch: 1, ttlMs: 100 } },
      T + 100,
    );
    expect(applied).toMatchObject({ kind: 'refused', state: { percent: 0, interventions: 1 } });
  });
});

describe('the last sign of life of the holder', () => {
  const LATER = T + 50;
  const life: Command = { kind: 'renewLease', body: { epoch: 1, ttlMs: 100 } };
  const old: Command = { kind: 'renewLease', body: { epoch: 0, ttlMs: 100 } };
  it.each<[string, ControlState, Command, number]>([
    ['is the newest renewal of its lease', after(...loaded, at(5)), life, LATER],
    ['at 100 % is the same call, which renews nothing', after(...loaded, at(100)), life, LATER],
    ['is a change of its own', after(...loaded, at(5)), fenced(traffic(4)), LATER],
    [
      'is that another one took the epoch',
      after(...loaded),
      epoch('next', { owner: 'run', epoch: 1 }),
      LATER,
    ],
    ['is no renewal by who held it before', after(...loaded, at(100)), old, T],
    ['is no change by hand', after(...loaded, at(100)), hand(traffic(50)), T],
    ['is no step of the clock', after(...loaded, at(100)), tick, T],
    [
      'is also a renewal that comes too late for the lease',
      after(
        ...loaded,
        fenced(traffic(25, { lease: LEASE }), { interventions: 0 }),
        hand(traffic(0)),
        hand(traffic(3)),
      ),
      life,
      LATER,
    ],
  ])('%s', (_, state, command, seenMs) => {
    expect(applyCommand(state, command, LATER).state.holderSeenMs).toBe(seenMs);
  });

  it('begins when a hand gives a candidate its users', () => {
    const given = applyCommand(after(hand(load('v0'))), hand(traffic(5)), LATER);
    expect(given.state.holderSeenMs).toBe(LATER);
  });
});

describe('the hash of the split', () => {
  /** As another version of the gateway left it. */
  const of = (state: ControlState): ControlState => ({ ...state, splitVersion: 7 });
  const tried = after(epoch('run'), fenced(TRIAL));
  it.each<[string, ControlState, Command]>([
    ['a raise', after(...loaded, at(5)), at(25)],
    ['a step of the ladder', after(...loaded, at(5)), fenced(flagsOf('candidate', FLAGS))],
    ['a promotion', after(...loaded, at(100)), fenced(promote(500))],
    ['a rollback', after(...loaded, at(25)), back('v-1')],
    ['another epoch', after(...loaded, at(25)), epoch('next', { owner: 'run', epoch: 1 })],
    ['a candidate that is loaded beside an experiment', tried, fenced(load('v0'))],
  ])('stays over %s: no user moves by it', (_, state, command) => {
    const applied = applyCommand(of(state), command, T);
    expect([applied.kind, applied.state.splitVersion]).toEqual(['done', 7]);
  });

  it.each<[string, ControlState, Command]>([
    ['a new candidate', after(epoch('run')), fenced(load('v0'))],
    ['an experiment', after(epoch('run')), fenced(TRIAL)],
  ])('is the newest with %s, as nobody is split yet', (_, state, command) => {
    expect(applyCommand(of(state), command, T).state.splitVersion).toBe(NEWEST_SPLIT);
  });
});

describe('a rollback', () => {
  const twice = after(...loaded, at(50), ofWorkflow, ofWorkflow);

  it('that is repeated changes nothing', () => {
    expect(twice).toMatchObject({ epoch: 2, rollbacks: [{ key: 'rollback/1', to: 'v-1', epoch: 2 }] });
  });

  it('that is repeated after another took the epoch and gave the candidate users changes nothing', () => {
    const onward = [epoch('next', { owner: 'rollback', epoch: 2 }), hand(traffic(5)), ofWorkflow];
    expect(after(...loaded, at(50), ofWorkflow, ...onward)).toMatchObject({ epoch: 3, percent: 5 });
  });

  it.each<[string, readonly (Command | [Command, number])[], string]>([
    ['what stable serves, while there is a candidate', [...loaded, at(50)], 'v-1'],
    ['what stable served before, after a promotion', swapped, 'v-1'],
  ])('without a release goes to %s', (_, before, release) => {
    const state = after(...before, ofWorkflow);
    expect([state.lanes.stable.release, state.rollbacks[0]?.to]).toEqual([release, release]);
  });

  it('is remembered for a bounded number of others', () => {
    const many = Array.from({ length: 25 }, () => back('v-1'));
    expect(after(...many).rollbacks.map(({ epoch: of }) => of)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 6),
    );
  });

  it('by a workflow is a sign of life, and by hand is none', () => {
    const shared = after(...loaded, at(50));
    const seenMs = (command: Command) => applyCommand(shared, command, T + 9).state.holderSeenMs;
    expect([seenMs(ofWorkflow), seenMs(back('v-1'))]).toEqual([T + 9, T]);
  });
});

describe('a change of several commands', () => {
  const change = (commands: readonly Exclude<TrafficCommand, Promote>[]): Command => ({
    kind: 'change',
    body: { by: 'ann', commands },
    world: WORLD,
  });

  it('is carried out in their order', () => {
    const state = after(...loaded, at(25), change([traffic(0), load('v1'), flagsOf('candidate', FLAGS)]));
    expect(state).toMatchObject({
      percent: 0,
      lanes: { candidate: { release: 'v1', flags: FLAGS } },
      interventions: 1,
    });
    expect(state.lastIntervention?.percentBefore).toBe(25);
  });

  it('changes nothing where one of them is refused', () => {
    const shared = after(...loaded, at(25));
    const applied = applyCommand(shared, change([flagsOf('candidate', FLAGS), load('v1')]), T);
    expect(applied).toMatchObject({ kind: 'refused', state: shared, refusal: { kind: 'invalid' } });
  });

  it('without a command uses the step of its holder up', () => {
    const settle = { by: 'run', epoch: 1, step: 'raise' };
    const settled = after(...loaded, { kind: 'change', body: { ...settle, commands: [] }, world: WORLD });
    const body = { ...settle, interventions: 0, commands: [traffic(5, { lease: LEASE })] };
    expect(applyCommand(settled, { kind: 'change', body, world: WORLD }, T)).toEqual({
      kind: 'done',
      state: settled,
    });
  });
});

it('names the next moment at which time changes something', () => {
  expect(nextTickMs(after())).toBeNull();
  expect(nextTickMs(after(...loaded, at(5)))).toBe(T + 100);
  expect(nextTickMs(after(...swapped))).toBe(T + 500);
});

it('[E8] lets nothing late raise the share after a rollback, a lost lease or a hand', () => {
  const ends: readonly [Command, number][] = [
    [back('v-1'), T],
    [hand(traffic(1)), T],
    [tick, T + 100],
    [{ kind: 'killSwitch' }, T],
  ];
  const late = fc.oneof(
    fc
      .record({ percent: fc.integer({ min: 0, max: 100 }), epoch: fc.integer({ min: 0, max: 2 }) })
      .map(({ percent, epoch: of }) =>
        fenced(traffic(percent, { lease: LEASE }), { epoch: of, interventions: 0 }),
      ),
    fc.constant<Command>({ kind: 'renewLease', body: { epoch: 1, ttlMs: 1_000 } }),
    fc.constant<Command>({ kind: 'finishPromotion' }),
    fc.constant<Command>(epoch('run')),
    fc.constant<Command>({ kind: 'spareReady', release: 'v0' }),
    fc.constant(tick),
    fc.constant(fenced(promote(10))),
  );
  fc.assert(
    fc.property(fc.constantFrom(...ends), fc.array(late, { maxLength: 12 }), ([end, endMs], commands) => {
      let state = applyCommand(after(...loaded, at(25)), end, endMs).state;
      for (const command of commands) {
        const next = applyCommand(state, command, endMs + 1).state;
        expect(next.percent).toBeLessThanOrEqual(state.percent);
        expect(next.lanes.stable.release).toBe('v-1');
        state = next;
      }
    }),
  );
});
