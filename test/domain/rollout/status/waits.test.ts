import { describe, expect, it } from 'vitest';
import type { Phase, RolloutState } from '../../../../domain/rollout/state.ts';
import { newRollout } from '../../../../domain/rollout/state.ts';
import { statusOf } from '../../../../domain/rollout/status/status.ts';
import { statusLines } from '../../../../scripts/commands/rollout/format-status.ts';
import { aPlan } from '../../../support/a-plan.ts';

const plan = aPlan();
const MINUTE = 60_000;
const UNTIL_MS = Date.parse('2026-11-30T14:35:00Z');
const BEFORE_T0: readonly Phase[] = [
  'preflight',
  'fence',
  'load',
  'baselineOpen',
  'baselineWait',
  'baselineClose',
];

function inPhase(phase: Phase, more: Partial<RolloutState> = {}): RolloutState {
  const t0Ms = BEFORE_T0.includes(phase) ? null : UNTIL_MS - 60 * MINUTE;
  const percent = t0Ms === null ? 0 : 5;
  return {
    ...newRollout('retriever', 'retriever_v0', UNTIL_MS - 90 * MINUTE),
    phase,
    t0Ms,
    percent,
    stageStartMs: t0Ms ?? 0,
    waitUntilMs: UNTIL_MS,
    outcome: phase === 'done' ? 'shipped' : null,
    ...more,
  };
}

/** What a person reads. */
const line = (state: RolloutState) =>
  statusLines(statusOf(plan, state), UNTIL_MS - 10 * MINUTE).find((one) => one.startsWith('waits for')) ?? '';

/** Each phase; one that is missing does not compile. */
const WAITS: Readonly<Record<Exclude<Phase, 'done'>, string>> = {
  preflight: 'the checks of pre-flight',
  fence: "the gateway's epoch",
  load: 'retriever_v0 to be loaded; refused where that takes over 300 s',
  baselineOpen: "stable's baseline, measured before the first user",
  baselineWait: "stable's baseline, measured before the first user, until 2026-11-30 14:35:00 UTC, in 10:00",
  baselineClose: "stable's baseline, measured before the first user",
  raise: 'the gateway to give 5 % of users to retriever_v0',
  evaluateStart: 'an evaluation on labelled queries',
  warmUp: 'caches to warm up, before a window opens, until 2026-11-30 14:35:00 UTC, in 10:00',
  openWindow: 'the counters, to open a window',
  measuring: 'the window to close, until 2026-11-30 14:35:00 UTC, in 10:00',
  closeWindow: 'the counters, to judge the window',
  evaluateEnd: 'an evaluation on labelled queries',
  readFlags: 'the flags in force, to choose a step of the ladder',
  applyRemediation: 'the gateway to take the step nprobeDown',
  soak: 'the last window before the raise to 25 %, which opens, until 2026-11-30 14:35:00 UTC, in 10:00',
  withdrawTraffic: "the gateway to take the candidate's share to 0",
  promote: 'the gateway to make retriever_v0 stable',
  rollback: 'users to be back on the release before, tried until they are',
};
const MOVE = {
  stage: 'canary-5',
  step: 'nprobeDown',
  from: { impl: 'amn_v0', reranker: 'on', nprobe: 8 },
  to: { impl: 'amn_v0', reranker: 'on', nprobe: 4 },
  because: '',
  atMs: 0,
} as const;
const PHASES = Object.keys(WAITS) as (keyof typeof WAITS)[];

describe('a status says what the rollout waits for, and until when', () => {
  it.each(PHASES)('in %s', (phase) => {
    expect(line(inPhase(phase, { move: MOVE }))).toBe(`waits for      ${WAITS[phase]}`);
  });

  it('while a sweep is under way', () => {
    expect(line(inPhase('applyRemediation', { move: { ...MOVE, step: 'sweep' } }))).toContain(
      'a sweep of nprobe',
    );
  });

  it('in the wait after a verdict on the last window', () => {
    const state = inPhase('soak', { stageStartMs: UNTIL_MS - 120 * MINUTE });
    expect(line(state)).toContain('the raise to 25 %, until 2026-11-30 14:35');
  });

  it('before the plan is read', () => {
    expect(statusOf(null, newRollout('retriever', 'v0', 0)).waits.for).toBe('the plan to be read');
  });

  it('and nothing at its end', () => {
    expect(line(inPhase('done'))).toBe('');
    expect(statusOf(plan, inPhase('done')).waits).toEqual({
      for: 'nothing: it has ended: shipped',
      untilMs: null,
    });
  });
});

describe('a person is waited for', () => {
  const HELD = { held: { why: 'operator', reason: 'held' } } as const;

  it.each(PHASES)('in %s exactly where it is held or paused, and its users are not on their way', (phase) => {
    const asks = (more: Partial<RolloutState>) => line(inPhase(phase, more)).includes('a person');
    const onTheWay = phase === 'withdrawTraffic' || phase === 'rollback';
    expect([asks({}), asks(HELD), asks({ pausedSinceMs: 1 })]).toEqual([false, !onTheWay, !onTheWay]);
  });

  it('and what is measured meanwhile is said too', () => {
    expect(line(inPhase('measuring', HELD))).toMatch(
      /resume ends the hold.*; meanwhile: the window to close, until .*14:35/,
    );
  });
});
