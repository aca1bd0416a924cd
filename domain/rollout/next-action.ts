import type { Flags } from '../control/state.ts';
import type { Plan } from '../plan/plan.ts';
import type { RolloutState } from './state.ts';
import { stageOf } from './state.ts';
import { reduce } from './reduce.ts';
import type { RolloutEvent } from './events.ts';

/** What the workflow has to do now. It does it and brings back an event. */
export type Action =
  | { readonly do: 'preflight' }
  | { readonly do: 'fence' }
  | { readonly do: 'load' }
  | { readonly do: 'snapshot' }
  | { readonly do: 'evaluate'; readonly name: string }
  | { readonly do: 'raise'; readonly percent: number }
  | { readonly do: 'zero'; readonly reason: string }
  /** The gateway's state, before a step of the ladder. */
  | { readonly do: 'look' }
  | { readonly do: 'step'; readonly flags: Flags; readonly reason: string }
  /** The workflow `nprobeTuning` on the candidate's lane, as this rollout's child. */
  | { readonly do: 'tune' }
  /** Until the time, or a message or the guard; null: only those. */
  | { readonly do: 'wait'; readonly untilMs: number | null; readonly why: string }
  | { readonly do: 'promote' }
  | { readonly do: 'rollback' }
  | { readonly do: 'finish' };

/** The one thing to do next, out of the state alone. */
export function nextAction(plan: Plan, state: RolloutState): Action {
  if (state.phase === 'done') return { do: 'finish' };
  if (state.phase === 'rollback') return { do: 'rollback' };
  if (state.phase === 'zero') return { do: 'zero', reason: state.held?.reason ?? 'the guard is blind' };
  if (state.pausedSinceMs !== null) return { do: 'wait', untilMs: null, why: 'paused' };
  if (state.held !== null && !isMeasuring(plan, state))
    return { do: 'wait', untilMs: null, why: `held: ${state.held.reason}` };
  return phaseAction(plan, state);
}

/** Held, but with its share: windows go on, so that a person sees what is the case now. */
export function isMeasuring(plan: Plan, state: RolloutState): boolean {
  return (
    state.t0Ms !== null &&
    state.percent === stageOf(plan, state).percent &&
    ['evaluateStart', 'warmUp', 'open', 'measure', 'close', 'evaluateEnd'].includes(state.phase)
  );
}

function phaseAction(plan: Plan, state: RolloutState): Action {
  const { phase, waitUntilMs } = state;
  const name = state.t0Ms === null ? '' : stageOf(plan, state).name;
  switch (phase) {
    case 'preflight':
    case 'fence':
    case 'load':
    case 'promote':
    case 'rollback':
      return { do: phase };
    case 'baselineOpen':
    case 'baselineClose':
    case 'open':
    case 'close':
      return { do: 'snapshot' };
    case 'baselineWait':
      return { do: 'wait', untilMs: waitUntilMs, why: 'stable alone is measured before T0' };
    case 'raise':
      return { do: 'raise', percent: stageOf(plan, state).percent };
    case 'evaluateStart':
    case 'evaluateEnd':
      return { do: 'evaluate', name: evaluationName(plan, state) };
    case 'warmUp':
      return { do: 'wait', untilMs: waitUntilMs, why: `${name}: caches warm up` };
    case 'measure':
      return { do: 'wait', untilMs: waitUntilMs, why: `${name}: measuring for the decision` };
    case 'look':
      return { do: 'look' };
    case 'step':
      // There is no such phase without a move; a look finds out again.
      if (state.move === null) return { do: 'look' };
      return state.move.step === 'sweep'
        ? { do: 'tune' }
        : { do: 'step', flags: state.move.to, reason: state.move.because };
    case 'dwell':
      return { do: 'wait', untilMs: waitUntilMs, why: `${name}: until the next raise` };
    case 'zero':
      return { do: 'zero', reason: state.held?.reason ?? '' };
    case 'done':
      return { do: 'finish' };
    default:
      return phase satisfies never;
  }
}

function evaluationName(plan: Plan, state: RolloutState): string {
  return stageOf(plan, state).evaluate === 'end'
    ? `post_rollout_${state.candidate}`
    : `nightly_${state.candidate}`;
}

/**
 * Whether the event changes nothing about what is being done: a page while a sweep runs, a hold while it is measured.
 * Then it is taken up beside that; else what is being done is left for it.
 */
export function leavesBe(plan: Plan, before: RolloutState, event: RolloutEvent, nowMs: number): boolean {
  const { state } = reduce(plan, before, event, nowMs);
  const doing = (of: RolloutState) => JSON.stringify(nextAction(plan, of));
  return state.phase === before.phase && doing(state) === doing(before);
}
