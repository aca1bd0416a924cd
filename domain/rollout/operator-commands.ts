import type { Plan } from '../plan/plan.ts';
import type { Message, MessageName } from './operator-message.ts';
import { PHASES } from './phases.ts';
import { logIdle } from './repeats.ts';
import type { RolloutState, Step } from './state.ts';
import { log, stageOf } from './state.ts';
import { holdFor, measureAfresh, proceed, startRollback } from './transitions.ts';

/** Why a message makes no sense now, as a sentence; null where it does. */
export function rejectionReason(plan: Plan, state: RolloutState, name: MessageName): string | null {
  if (state.phase === 'done') return `the rollout has ended: ${state.outcome}`;
  if (state.phase === 'rollback')
    return name === 'rollback' ? null : 'users are being taken back to the old release';
  const held = state.held !== null;
  const paused = state.pausedSinceMs !== null;
  switch (name) {
    case 'rollback':
      return null;
    case 'pause':
      return paused ? 'it is paused already' : null;
    case 'hold':
      return held ? `it is held already: ${state.held?.reason}` : null;
    case 'resume':
      return held || paused ? null : 'it is neither paused nor held';
    case 'approve':
      return approveObjection(state);
    case 'advance':
      if (held || paused) return 'it is held or paused: resume first';
      if (state.judgement?.verdict !== 'pass' || (state.phase !== 'soak' && !state.recheck))
        return `no verdict has passed for ${stageOf(plan, state).name} yet`;
      return null;
    default:
      return name satisfies never;
  }
}

function approveObjection({ held, judgement }: RolloutState): string | null {
  if (held?.why !== 'verdict' || judgement === null) return 'no verdict waits for an approval';
  return judgement.verdict === 'pass' ? 'the latest verdict is a pass: resume' : null;
}

/** Carries out a message, or notes why it changed nothing. */
export function onMessage(plan: Plan, before: RolloutState, message: Message, nowMs: number): Step {
  const { name } = message;
  const who = `${message.by === null ? '' : ` by ${message.by}`}${message.reason === null ? '' : `: ${message.reason}`}`;
  const against = rejectionReason(plan, before, name);
  if (against !== null) {
    const does =
      name === 'rollback' && before.outcome === 'shipped'
        ? `begins rollback/${before.service}`
        : 'changes nothing';
    const text = `${name}${who} ${does}: ${against}`;
    return { state: logIdle(plan, before, text, nowMs), effects: [] };
  }
  const state = log(plan, before, { kind: 'message', text: `${name}${who}` }, nowMs);
  switch (name) {
    case 'rollback':
      return startRollback(plan, state, `asked for${who}`, nowMs);
    case 'pause':
      return { state: { ...state, pausedSinceMs: nowMs, askedMs: nowMs }, effects: [] };
    case 'hold':
      return holdFor(plan, state, { why: 'operator', reason: `held${who}` }, nowMs);
    case 'resume':
      return { state: resumed(plan, state, nowMs), effects: [] };
    case 'approve':
      return {
        state: proceed(plan, { ...state, held: null, recheck: true }, nowMs),
        effects: [
          {
            kind: 'page',
            severity: 'info',
            title: `verdict approved${who}`,
            text: state.judgement?.reason ?? '',
          },
        ],
      };
    case 'advance':
      return { state: proceed(plan, state, nowMs, true), effects: [] };
    default:
      return name satisfies never;
  }
}

/** Ends pause and hold: the clock goes on where it stood, and the measurement starts again. */
function resumed(plan: Plan, state: RolloutState, nowMs: number): RolloutState {
  const stoodMs = state.pausedSinceMs === null ? 0 : nowMs - state.pausedSinceMs;
  const going = {
    ...state,
    held: null,
    pausedSinceMs: null,
    // After a hold there is no verdict to advance by until there is a new one.
    recheck: state.held === null && state.recheck,
    stageStartMs: state.stageStartMs + stoodMs,
    waitUntilMs: state.waitUntilMs + stoodMs,
    interventions: state.interventionsSeen,
  };
  if (going.t0Ms === null) return going;
  // Held on the way to the next stage: what the one before showed was before the hold, so it is judged again.
  const back = { ...going, stage: Math.min(going.stage, going.reached) };
  // The share was taken away while it was held: the stage begins again, with its warm-up.
  if (back.percent !== stageOf(plan, back).percent) return { ...back, phase: 'raise' };
  return back.stage < going.stage || PHASES[going.phase].onResume === 'measures'
    ? measureAfresh(plan, back)
    : going;
}
