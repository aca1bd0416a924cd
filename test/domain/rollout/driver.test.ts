import { describe, expect, it } from 'vitest';
import type { Command } from '../../../domain/rollout/next-action.ts';
import type { DriverEvent, DriverState } from '../../../domain/rollout/driver.ts';
import { begin, interrupts, keepsCurrentAction, take, triesOn } from '../../../domain/rollout/driver.ts';
import { Walk } from '../../support/rollout-walk.ts';
import { aPlan } from '../../support/a-plan.ts';

const plan = aPlan();
const NOW_MS = 1_000;
const CALM = { guard: false, message: false, rollback: false };
const SWEPT = { outcome: 'hold', nprobe: null, reason: 'no nprobe qualifies' } as const;

/** A driver that has this command under way; `latencyMs` of the candidate, at all flags. */
function doing(of: Command['do'], latencyMs = 2): DriverState {
  const walk = Object.assign(new Walk(plan), { latencyMs: () => latencyMs, tune: () => SWEPT });
  for (let i = 0; i < 300; i++) {
    const { driver, command } = begin(plan, walk.driver, walk.nowMs);
    if (command.do === of) return driver;
    walk.step({ kind: 'done', luck: 'good' });
  }
  throw new Error(`the walk never came to ${of}`);
}

function after(driver: DriverState, ...events: DriverEvent[]): DriverState {
  return events.reduce((before, event) => take(plan, before, event, NOW_MS).driver, driver);
}

const next = (driver: DriverState) => begin(plan, driver, NOW_MS).command;
const HOLD = { kind: 'message', message: { name: 'hold', reason: null, by: null } } as const;
const ROLLBACK = { kind: 'message', message: { name: 'rollback', reason: null, by: null } } as const;

describe('a change of traffic', () => {
  it.each([
    ['is settled when it was left', [{ kind: 'interrupted' }], 'settle'],
    ['is settled before a hold is waited for', [{ kind: 'interrupted' }, HOLD], 'settle'],
    ['is left to its older epoch by a rollback', [{ kind: 'interrupted' }, ROLLBACK], 'rollback'],
    ['that failed for good is not asked for again', [{ kind: 'failed', reason: 'bad request' }], 'wait'],
  ] as const)('%s', (_, events, due) => {
    const raising = doing('raise');
    const command = next(after(raising, ...events));
    expect(command.do).toBe(due);
  });

  it('that was left is settled with its own key', () => {
    const raising = doing('raise');
    expect(next(after(raising, { kind: 'interrupted' }))).toEqual({
      do: 'settle',
      key: raising.pending?.key,
    });
  });

  it('that is new has a new key, also in the same millisecond', () => {
    const raising = doing('raise');
    const atMs = Number(raising.pending?.key.split('/')[1]);
    const { command: again } = begin(plan, { ...raising, pending: null }, atMs);
    expect(again.do).toBe('raise');
    expect('key' in again && again.key).not.toBe(raising.pending?.key);
  });

  it('that was refused has its key used up before a person is waited for', () => {
    const walk = new Walk(plan);
    while (walk.action.do !== 'raise') walk.step({ kind: 'done', luck: 'good' });
    walk.step({ kind: 'done', luck: 'refused' });
    expect(next(walk.driver).do).toBe('settle');
    walk.step({ kind: 'done', luck: 'good' });
    expect(next(walk.driver).do).toBe('wait');
  });
});

describe('doubt about what is in force', () => {
  it('is asked about before anything else, and once', () => {
    const doubtful = after(doing('wait'), { kind: 'doubted' });
    const { driver, command } = begin(plan, doubtful, NOW_MS);
    expect(command).toEqual({ do: 'compare' });
    expect(after(driver, { kind: 'failed', reason: 'compare: refused' }).doubt).toBe(false);
    expect(after(driver, { kind: 'interrupted' }).doubt).toBe(true);
  });
});

describe('a sweep that was left', () => {
  it('ends before anything is changed', () => {
    const left = after(doing('raise'), { kind: 'interrupted' });
    const sweeping: DriverState = { ...left, pending: null, sweeping: true };
    expect(next(sweeping)).toEqual({ do: 'awaitSweep' });
    expect(next(after(sweeping, { kind: 'sweepEnded' })).do).toBe('raise');
    expect(next(after(sweeping, ROLLBACK)).do).toBe('rollback');
  });
});

describe('what is heard', () => {
  it.each([
    ['a wait', 'a message', doing('wait'), { ...CALM, message: true }, true],
    ['a wait', 'the guard', doing('wait'), { ...CALM, guard: true }, true],
    ['a wait', 'nothing', doing('wait'), CALM, false],
    ['a wait', 'doubt', { ...doing('wait'), doubt: true }, CALM, true],
    ['a raise', 'a message', doing('raise'), { ...CALM, message: true }, false],
    ['a raise', 'a rollback', doing('raise'), { ...CALM, message: true, rollback: true }, true],
    ['a raise', 'the guard', doing('raise'), { ...CALM, guard: true }, true],
    [
      'a rollback',
      'another rollback',
      begin(plan, after(doing('raise'), ROLLBACK), NOW_MS).driver,
      { guard: true, message: true, rollback: true },
      false,
    ],
  ] as const)('%s is interrupted by %s: case %#', (_doing, _heard, driver, heard, expected) => {
    expect(interrupts(driver, heard)).toBe(expected);
  });

  it('of a breach that may end leaves a raise be, and another epoch does not', () => {
    const waiting = doing('wait');
    const breaching = { kind: 'breaching', trigger: 'slow', reason: 'slow', stableToo: false } as const;
    expect(keepsCurrentAction(plan, doing('raise'), breaching, NOW_MS)).toBe(true);
    const superseded = { kind: 'superseded', reason: 'epoch 2' } as const;
    expect(keepsCurrentAction(plan, waiting, superseded, NOW_MS)).toBe(false);
  });
});

describe('a call that goes on failing', () => {
  it.each([
    ['load', false],
    ['raise', true],
    ['wait', false],
  ] as const)('of the command %s before T0 is tried on: %s', (of, expected) => {
    expect(triesOn(doing(of))).toBe(expected);
  });
});

describe('a person who does not answer', () => {
  it('is asked again after four hours', () => {
    const held = after(doing('wait'), HOLD);
    expect(next(held)).toMatchObject({ do: 'wait', untilMs: NOW_MS + 4 * 3_600_000, ends: 'remind' });
  });
});

describe('the end', () => {
  it.each([
    ['unloads a candidate that never had users', doing('raise'), true],
    ['has nothing to unload before the fence is taken', doing('fence'), false],
  ] as const)('%s', (_, driver, unloads) => {
    const back = { kind: 'rolledBack', verification: null, safeAfterMs: 0 } as const;
    const command = next(after(driver, { kind: 'interrupted' }, ROLLBACK, back));
    expect(command.do === 'finish' && command.unload !== null).toBe(unloads);
  });
});
