import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ControlChange, ControlState } from '../../../domain/control/state.ts';
import type { Command } from '../../../domain/control/apply-command.ts';
import { applyCommand, firstState, nextTickMs } from '../../../domain/control/apply-command.ts';
import { NEWEST_SPLIT } from '../../../domain/control/traffic-split.ts';
import type { World } from '../../../domain/control/command-result.ts';

const T = 1_000_000;
const WORLD: World = { killSwitch: false, warm: ['v-1', 'v0'] };
const LEASE = { ttlMs: 100, onExpiry: 'zero' } as const;
const TRIAL = { name: 'trial', offPercent: 10, forMs: 900 };
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

function hand(change: Partial<ControlChange>, world = WORLD): Command {
  return { kind: 'change', body: { by: 'ann', ...change }, world };
}

let steps = 0;
function fenced(change: Partial<ControlChange>, world = WORLD): Command {
  return { kind: 'change', body: { by: 'run', epoch: 1, step: `step ${steps++}`, ...change }, world };
}

const tick: Command = { kind: 'tick' };
const loaded = [epoch('run'), fenced({ lanes: { candidate: 'v0' } })];
const at = (percent: number): Command => fenced({ percent, interventions: 0, lease: LEASE });
const promoted = [...loaded, at(100), fenced({ promote: { previousForMs: 500 } })];
const swapped = [...promoted, { kind: 'finishPromotion' } as const];
/** The same, where stable was put on the fallback before. */
const swappedAfterFlip = [
  hand({ flags: { stable: FLAGS } }),
  ...loaded,
  fenced({ percent: 100, interventions: 1 }),
  fenced({ promote: { previousForMs: 500 } }),
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
    ['at 0 % nothing is leased', after(...loaded, at(5), fenced({ percent: 0 })), { lease: null }],
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
      after(...loaded, fenced({ percent: 25, interventions: 0, lease: { ttlMs: 100, onExpiry: 'keep' } }), [
        tick,
        T + 100,
      ]),
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
      after(...loaded, at(5), hand({ percent: 2 })),
      { percent: 2, interventions: 1, changedBy: 'ann' },
    ],
    [
      'a dry run in the spare lane is no intervention',
      after(hand({ lanes: { spare: 'v0' } })),
      { interventions: 0, lanes: { spare: { release: 'v0' } } },
    ],
    [
      'a raise may set the shadow, and what follows leaves it',
      after(...loaded, fenced({ percent: 5, shadowPercent: 20, interventions: 0, lease: LEASE }), at(25)),
      { percent: 25, shadowPercent: 20 },
    ],
    [
      'a shadow by hand is no intervention',
      after(...loaded, at(5), hand({ shadowPercent: 3 })),
      { shadowPercent: 3, interventions: 0, changedBy: 'run' },
    ],
    [
      'an experiment begins with an epoch, for a time',
      after(epoch('run'), fenced({ experiment: TRIAL })),
      { experiment: { name: 'trial', offPercent: 10, untilMs: T + 900 }, percent: 0, interventions: 0 },
    ],
    [
      'an experiment ends when its time is over',
      after(epoch('run'), fenced({ experiment: TRIAL }), [tick, T + 900]),
      { experiment: null, interventions: 0 },
    ],
    [
      'an experiment ends with its epoch',
      after(epoch('run'), fenced({ experiment: TRIAL }), epoch('rollout', { owner: 'run', epoch: 1 })),
      { experiment: null, epoch: 2 },
    ],
    [
      'an experiment is not ended by what says nothing of it',
      after(epoch('run'), fenced({ experiment: TRIAL }), hand({ lanes: { spare: 'v0' } })),
      { experiment: { name: 'trial' } },
    ],
    [
      'a hand ends an experiment, and that counts',
      after(epoch('run'), fenced({ experiment: TRIAL }), hand({ experiment: null })),
      { experiment: null, interventions: 1, lastIntervention: { what: 'ended the experiment' } },
    ],
    [
      'users on a candidate end an experiment',
      after(...loaded, fenced({ experiment: TRIAL }), hand({ percent: 5 })),
      { experiment: null, percent: 5 },
    ],
    [
      'a rollback ends an experiment',
      after(...loaded, fenced({ experiment: TRIAL }), hand({ rollbackTo: 'v-1' })),
      { experiment: null },
    ],
    [
      'flags by hand',
      after(...loaded, hand({ flags: { candidate: FLAGS } })),
      { lanes: { candidate: { flags: FLAGS } } },
    ],
    [
      '[E5] a rollback by hand takes the fence along',
      after(...loaded, at(50), hand({ rollbackTo: 'v-1' })),
      { percent: 0, epoch: 2, owner: 'ann', lease: null },
    ],
    [
      'a rollback by the holder keeps the epoch',
      after(...loaded, at(50), fenced({ rollbackTo: 'v-1' })),
      { percent: 0, epoch: 1 },
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
      after(...swapped, hand({ rollbackTo: 'v-1' })),
      { restoring: null, lanes: { stable: { release: 'v-1' }, previous: null } },
    ],
    [
      'a previous that does not answer is waited for',
      after(...swapped, hand({ rollbackTo: 'v-1' }, { killSwitch: false, warm: [] })),
      { restoring: 'v-1', lanes: { stable: { release: 'v0' }, spare: { release: 'v-1' }, previous: null } },
    ],
    [
      'a release comes back under the flags that users had of it, such as those of an emergency',
      after(...swappedAfterFlip, hand({ rollbackTo: 'v-1' })),
      { lanes: { stable: { release: 'v-1', flags: FLAGS }, previous: null } },
    ],
    [
      'and likewise where it has to be loaded first',
      after(...swappedAfterFlip, hand({ rollbackTo: 'v-1' }, { killSwitch: false, warm: [] })),
      { restoring: 'v-1', lanes: { spare: { release: 'v-1', flags: FLAGS } } },
    ],
    [
      'a cold release goes through the spare lane',
      after(hand({ rollbackTo: 'v-2' })),
      { restoring: 'v-2', lanes: { stable: { release: 'v-1' }, spare: { release: 'v-2' } } },
    ],
    [
      'and is stable when that lane is ready',
      after(hand({ rollbackTo: 'v-2' }), { kind: 'spareReady', release: 'v-2' }),
      { restoring: null, lanes: { stable: { release: 'v-2' }, spare: null } },
    ],
    [
      'a spare lane of a dry run is never made stable',
      after(hand({ lanes: { spare: 'v-2' } }), { kind: 'spareReady', release: 'v-2' }),
      { lanes: { stable: { release: 'v-1' } } },
    ],
    [
      'a later rollback replaces one that waits',
      after(hand({ rollbackTo: 'v-2' }), hand({ rollbackTo: 'v-1' })),
      { restoring: null, lanes: { stable: { release: 'v-1' }, spare: null } },
    ],
    [
      'a rollback ends a promotion under way',
      after(...promoted, hand({ rollbackTo: 'v-1' }), { kind: 'finishPromotion' }),
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
    const state = after(...loaded, raise, hand({ percent: 0 }));
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
      fenced({ percent: 0 }),
      'staleEpoch',
      /epoch 2/,
    ],
    [
      'an experiment by hand',
      after(epoch('run')),
      hand({ experiment: TRIAL }),
      'invalid',
      /only the holder of an epoch begins one/,
    ],
    [
      'an experiment while the candidate has users',
      after(...shared),
      fenced({ experiment: TRIAL }),
      'invalid',
      /the candidate has users/,
    ],
    [
      'an experiment with most of the users',
      after(epoch('run')),
      fenced({ experiment: { ...TRIAL, offPercent: 51 } }),
      'invalid',
      /offPercent: must be over 0 and at most 50/,
    ],
    [
      'an experiment of an old epoch',
      after(epoch('run'), epoch('b', { owner: 'run', epoch: 1 })),
      fenced({ experiment: TRIAL }),
      'staleEpoch',
      /epoch 2/,
    ],
    [
      'a shadow of more than all queries',
      after(...shared),
      fenced({ shadowPercent: 101 }),
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
      after(...shared, hand({ percent: 5 })),
      at(50),
      'intervened',
      /ann: percent 25 -> 5/,
    ],
    ['a raise after a lost lease', after(...shared, [tick, T + 100]), at(50), 'intervened', /lease ran out/],
    [
      'a raise after a rollback by hand',
      after(...shared, hand({ rollbackTo: 'v-1' })),
      at(50),
      'staleEpoch',
      /held by ann/,
    ],
    [
      'flags after a hand that the holder does not know of',
      after(...shared, hand({ flags: { candidate: { impl: 'gru_v0', reranker: 'on', nprobe: 16 } } })),
      fenced({ flags: { candidate: { impl: 'amn_v0', reranker: 'on', nprobe: 4 } }, interventions: 0 }),
      'intervened',
      /ann: flags of candidate/,
    ],
    [
      'a promotion after a hand went to 0 %',
      after(...loaded, at(100), hand({ percent: 0 })),
      fenced({ promote: { previousForMs: 1 } }),
      'intervened',
      /ann/,
    ],
    [
      '[P5.3] a raise under the kill switch',
      after(...loaded),
      hand({ percent: 5 }, { ...WORLD, killSwitch: true }),
      'intervened',
      /CANARY_PERCENT=0/,
    ],
    ['a share without a candidate', after(), hand({ percent: 5 }), 'invalid', /no candidate/],
    [
      'a share without a lease',
      after(...loaded),
      fenced({ percent: 5, interventions: 0 }),
      'invalid',
      /lease/,
    ],
    ['a lease by hand', after(...loaded), hand({ percent: 5, lease: LEASE }), 'invalid', /lease/],
    [
      'another candidate while users are on one',
      after(...shared),
      hand({ lanes: { candidate: 'v1' } }),
      'invalid',
      /percent 0/,
    ],
    [
      'a promotion below 100 %',
      after(...shared),
      fenced({ promote: { previousForMs: 1 } }),
      'invalid',
      /it is 25/,
    ],
    ['flags of no candidate', after(), hand({ flags: { candidate: FLAGS } }), 'invalid', /no candidate/],
    [
      'a raise while a rollback waits',
      after(...shared, hand({ rollbackTo: 'v-2' })),
      hand({ percent: 5 }),
      'invalid',
      /way back to v-2/,
    ],
    [
      'a dry run while a rollback waits',
      after(hand({ rollbackTo: 'v-2' })),
      hand({ lanes: { spare: 'v-3' } }),
      'invalid',
      /in use/,
    ],
    [
      'a rollback with a percent',
      after(...shared),
      hand({ rollbackTo: 'v-1', percent: 5 }),
      'invalid',
      /alone/,
    ],
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
    ['is a change of its own', after(...loaded, at(5)), fenced({ percent: 4 }), LATER],
    [
      'is that another one took the epoch',
      after(...loaded),
      epoch('next', { owner: 'run', epoch: 1 }),
      LATER,
    ],
    ['is no renewal by who held it before', after(...loaded, at(100)), old, T],
    ['is no change by hand', after(...loaded, at(100)), hand({ percent: 50 }), T],
    ['is no step of the clock', after(...loaded, at(100)), tick, T],
    [
      'is also a renewal that comes too late for the lease',
      after(
        ...loaded,
        fenced({ percent: 25, interventions: 0, lease: LEASE }),
        hand({ percent: 0 }),
        hand({ percent: 3 }),
      ),
      life,
      LATER,
    ],
  ])('%s', (_, state, command, seenMs) => {
    expect(applyCommand(state, command, LATER).state.holderSeenMs).toBe(seenMs);
  });

  it('begins when a hand gives a candidate its users', () => {
    const given = applyCommand(after(hand({ lanes: { candidate: 'v0' } })), hand({ percent: 5 }), LATER);
    expect(given.state.holderSeenMs).toBe(LATER);
  });
});

describe('the hash of the split', () => {
  /** As another version of the gateway left it. */
  const of = (state: ControlState): ControlState => ({ ...state, splitVersion: 7 });
  const tried = after(epoch('run'), fenced({ experiment: TRIAL }));
  it.each<[string, ControlState, Command]>([
    ['a raise', after(...loaded, at(5)), at(25)],
    ['a step of the ladder', after(...loaded, at(5)), fenced({ flags: { candidate: FLAGS } })],
    ['a promotion', after(...loaded, at(100)), fenced({ promote: { previousForMs: 500 } })],
    ['a rollback', after(...loaded, at(25)), hand({ rollbackTo: 'v-1' })],
    ['another epoch', after(...loaded, at(25)), epoch('next', { owner: 'run', epoch: 1 })],
    ['a candidate that is loaded beside an experiment', tried, fenced({ lanes: { candidate: 'v0' } })],
  ])('stays over %s: no user moves by it', (_, state, command) => {
    const applied = applyCommand(of(state), command, T);
    expect([applied.kind, applied.state.splitVersion]).toEqual(['done', 7]);
  });

  it.each<[string, ControlState, Command]>([
    ['a new candidate', after(epoch('run')), fenced({ lanes: { candidate: 'v0' } })],
    ['an experiment', after(epoch('run')), fenced({ experiment: TRIAL })],
  ])('is the newest with %s, as nobody is split yet', (_, state, command) => {
    expect(applyCommand(of(state), command, T).state.splitVersion).toBe(NEWEST_SPLIT);
  });
});

it('names the next moment at which time changes something', () => {
  expect(nextTickMs(after())).toBeNull();
  expect(nextTickMs(after(...loaded, at(5)))).toBe(T + 100);
  expect(nextTickMs(after(...swapped))).toBe(T + 500);
});

it('[E8] lets nothing late raise the share after a rollback, a lost lease or a hand', () => {
  const ends: readonly [Command, number][] = [
    [hand({ rollbackTo: 'v-1' }), T],
    [hand({ percent: 1 }), T],
    [tick, T + 100],
    [{ kind: 'killSwitch' }, T],
  ];
  const late = fc.oneof(
    fc
      .record({ percent: fc.integer({ min: 0, max: 100 }), epoch: fc.integer({ min: 0, max: 2 }) })
      .map(({ percent, epoch: of }) => fenced({ percent, epoch: of, interventions: 0, lease: LEASE })),
    fc.constant<Command>({ kind: 'renewLease', body: { epoch: 1, ttlMs: 1_000 } }),
    fc.constant<Command>({ kind: 'finishPromotion' }),
    fc.constant<Command>(epoch('run')),
    fc.constant<Command>({ kind: 'spareReady', release: 'v0' }),
    fc.constant(tick),
    fc.constant(fenced({ promote: { previousForMs: 10 } })),
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
