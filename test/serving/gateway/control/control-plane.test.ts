import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ControlState } from '../../../../domain/control/state.ts';
import type { Command } from '../../../../domain/control/apply-command.ts';
import { firstState } from '../../../../domain/control/apply-command.ts';
import type { ChangeBody } from '../../../../serving/gateway/routes/change-body.ts';
import { askedOf } from '../../../../serving/gateway/routes/change-body.ts';
import { ControlPlane, PersistenceError } from '../../../../serving/gateway/control/control-plane.ts';

const NEW = { release: 'v0', flags: null };
const FLAGS = { impl: 'gru_v0', reranker: 'off', nprobe: 8 } as const;
const HALF: ControlState = {
  ...firstState({ release: 'v-1', flags: null }, 0),
  epoch: 3,
  owner: 'rollout/1',
  percent: 50,
  lanes: { stable: { release: 'v-1', flags: null }, candidate: NEW, previous: null, spare: null },
  lease: { expiresAtMs: 60_000, onExpiry: 'zero' },
};
const ALL: ControlState = { ...HALF, percent: 100, lease: null };
const NONE: ControlState = { ...HALF, percent: 0, lease: null };

let planes: ControlPlane[] = [];
beforeEach(() => {
  vi.useFakeTimers({ now: 1_000 });
});
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(planes.map(async (plane) => plane.stop()));
  planes = [];
});

/** A control plane over a disk that can be made to fail, or to hang. */
function controlPlane(state: ControlState, { killSwitch = false } = {}) {
  const disk = { kept: state, is: 'full' as 'full' | 'hanging' | 'well', faults: 0 };
  const plane = new ControlPlane(state, {
    store: {
      load: async () => disk.kept,
      async save(next) {
        if (disk.is === 'full') throw new Error('ENOSPC: no space left on device');
        if (disk.is === 'hanging') return new Promise<void>(() => {});
        disk.kept = next;
      },
    },
    now: Date.now,
    killSwitch,
    onChange: () => {},
    onSave: () => {},
    onFault: () => disk.faults++,
  });
  planes.push(plane);
  /** `done` or `refused`, or whether a command that is not on disk is in force. */
  const asked = (command: Command) =>
    plane.apply(command).then(
      ({ kind }) => kind,
      (error: unknown) =>
        error instanceof PersistenceError ? (error.inForce ? 'in force' : 'nothing') : error,
    );
  return { plane, disk, asked };
}

const WORLD = { killSwitch: false, warm: ['v-1', 'v0'] };

/** A change as people type it. */
function change(fields: Omit<ChangeBody, 'by'>): Command {
  return { ...askedOf({ by: 'test', ...fields }, 'by hand'), world: WORLD };
}

const OF_WORKFLOW: Command = {
  kind: 'rollback',
  body: { key: 'rollback/1', by: 'rollback/1', owner: 'rollback/1', to: 'v-1' },
  world: WORLD,
};

function take(unsaved: { unsaved?: 'accepted' } = {}): Command {
  const expected = { owner: 'rollout/1', epoch: 3 };
  return { kind: 'takeEpoch', body: { owner: 'rollback/1', key: 'rollback/1', expected, ...unsaved } };
}

describe('what is in force without a disk', () => {
  it.each<[string, ControlState, Command, Partial<ControlState>]>([
    ['a rollback by hand', HALF, change({ rollbackTo: 'v-1' }), { percent: 0 }],
    ['a rollback from 100 %', ALL, change({ rollbackTo: 'v-1' }), { percent: 0 }],
    ['a rollback by a workflow', HALF, OF_WORKFLOW, { percent: 0, epoch: 4 }],
    ['a rollback to what is not warm', HALF, change({ rollbackTo: 'v-2' }), { percent: 0, restoring: 'v-2' }],
    ['a lower share', HALF, change({ percent: 10 }), { percent: 10 }],
    ['the epoch of a rollback', HALF, take({ unsaved: 'accepted' }), { percent: 50, epoch: 4 }],
    ['the kill switch', HALF, { kind: 'killSwitch' }, { percent: 0 }],
    [
      'a sign of life at 100 %',
      ALL,
      { kind: 'renewLease', body: { epoch: 3, ttlMs: 15_000 } },
      { percent: 100, holderSeenMs: 1_000 },
    ],
  ])('%s is', async (_, state, command, wanted) => {
    const { plane, disk, asked } = controlPlane(state);
    expect(await asked(command)).toBe('in force');
    expect(plane.state).toMatchObject(wanted);
    expect(disk.kept).toBe(state);
    expect(plane.unsaved).toBe(true);
  });

  it.each<[string, ControlState, Command]>([
    ['a raise', HALF, change({ percent: 51 })],
    ['a raise to 100 %, which has no lease', HALF, change({ percent: 100 })],
    ['a raise by the holder', HALF, change({ percent: 51, interventions: 0, epoch: 3, step: 's' })],
    ['a promotion', ALL, change({ promote: { previousForMs: 1 } })],
    ['a rollback to the candidate itself', HALF, change({ rollbackTo: 'v0' })],
    ['a longer lease', HALF, { kind: 'renewLease', body: { epoch: 3, ttlMs: 120_000 } }],
    ['the epoch of whoever may raise', HALF, take()],
    ['other flags for stable', HALF, change({ flags: { stable: FLAGS } })],
    ['other flags for stable with a lower share', HALF, change({ percent: 0, flags: { stable: FLAGS } })],
    ['other flags for a candidate with users', HALF, change({ percent: 10, flags: { candidate: FLAGS } })],
    ['a new candidate', NONE, change({ lanes: { candidate: 'v1' } })],
  ])('%s is not', async (_, state, command) => {
    const { plane, asked } = controlPlane(state);
    expect(await asked(command)).toBe('nothing');
    expect(plane.state).toBe(state);
  });

  it('a promotion that was begun is not finished', async () => {
    const begun = { ...ALL, promoting: { untilMs: 600_000 } };
    const { plane, disk } = controlPlane(begun);
    await plane.start();
    expect(plane.state).toBe(begun);
    disk.is = 'well';
    await vi.advanceTimersByTimeAsync(1_000);
    expect(plane.state.lanes.stable).toBe(NEW);
    expect(disk.kept).toBe(plane.state);
  });

  it('the end of the lease is, and a raise after it hears of it', async () => {
    const { plane, asked } = controlPlane(HALF);
    await plane.start();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(plane.state).toMatchObject({ percent: 0, lastIntervention: { kind: 'leaseLost' } });
    expect(await asked(change({ percent: 50, interventions: 0, epoch: 3, step: 's' }))).toBe('refused');
  });

  it('the end of the lease does not make a raise look like less', async () => {
    const { plane, asked } = controlPlane(HALF);
    vi.setSystemTime(61_000);
    expect(await asked(change({ percent: 30 }))).toBe('nothing');
    expect(plane.state.percent).toBe(0);
  });

  it('a start with the kill switch serves stable', async () => {
    const { plane } = controlPlane(HALF, { killSwitch: true });
    await plane.start();
    expect(plane.state.percent).toBe(0);
  });

  it('a rollback is, on a disk that hangs', async () => {
    const { plane, disk, asked } = controlPlane(HALF);
    disk.is = 'hanging';
    const answer = asked(change({ rollbackTo: 'v-1' }));
    await vi.advanceTimersByTimeAsync(4_000);
    expect(await answer).toBe('in force');
    expect(plane.state.percent).toBe(0);
  });
});

describe('a disk that works again', () => {
  it('gets the state by itself, and reports the fault once', async () => {
    const { plane, disk, asked } = controlPlane(HALF);
    await plane.start();
    await asked(change({ rollbackTo: 'v-1' }));
    await vi.advanceTimersByTimeAsync(10_000);
    disk.is = 'well';
    await vi.advanceTimersByTimeAsync(1_000);
    expect(disk.kept).toBe(plane.state);
    expect(disk.kept.percent).toBe(0);
    expect([plane.unsaved, disk.faults]).toEqual([false, 1]);
  });

  it('is what a repeated step waits for: it is done when it is written', async () => {
    const { plane, disk, asked } = controlPlane(HALF);
    expect([await asked(OF_WORKFLOW), await asked(OF_WORKFLOW)]).toEqual(['in force', 'in force']);
    const reached = plane.state;
    disk.is = 'well';
    expect(await asked(OF_WORKFLOW)).toBe('done');
    expect(disk.kept).toBe(reached);
  });

  it('keeps what is in force, not the raise that failed', async () => {
    const { plane, disk, asked } = controlPlane(HALF);
    await plane.start();
    await asked(change({ percent: 80 }));
    disk.is = 'well';
    await vi.advanceTimersByTimeAsync(1_000);
    expect(disk.kept).toBe(HALF);
  });
});

it('a rollback that a restart forgot is carried out when it is asked again, and nothing late comes after it', async () => {
  const { plane, disk, asked } = controlPlane(ALL);
  disk.is = 'well';
  expect(await asked(change({ percent: 100, epoch: 4, step: 'r' }))).toBe('refused');
  expect(await asked(OF_WORKFLOW)).toBe('done');
  expect(plane.state).toMatchObject({ percent: 0, epoch: 4, owner: 'rollback/1', interventions: 0 });
  expect(await asked(change({ percent: 50, epoch: 3, step: 'late raise' }))).toBe('refused');
});
