import type { ControlChange, LoadLane } from '../control/change.ts';
import type { Flags } from '../control/state.ts';
import { remindAtMs } from './reminders.ts';
import type { Plan } from '../plan/plan.ts';
import type { RolloutState } from './state.ts';
import { stageOf } from './state.ts';

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
  const { phase } = state;
  if (phase === 'done') return { do: 'finish' };
  if (phase === 'rollback') return { do: 'rollback' };
  if (phase === 'zero') return { do: 'zero', reason: state.held?.reason ?? 'the guard is blind' };
  if (state.pausedSinceMs !== null) return { do: 'wait', untilMs: null, why: 'paused' };
  if (state.held !== null && !isMeasuring(plan, state))
    return { do: 'wait', untilMs: null, why: `held: ${state.held.reason}` };
  return phaseAction(plan, state, phase);
}

/** Held, but with its share: windows go on, so that a person sees what is the case now. */
export function isMeasuring(plan: Plan, state: RolloutState): boolean {
  return (
    state.t0Ms !== null &&
    state.percent === stageOf(plan, state).percent &&
    ['evaluateStart', 'warmUp', 'open', 'measure', 'close', 'evaluateEnd'].includes(state.phase)
  );
}

/** Phases that a pause or a hold stops; the others go on. */
type Stoppable = Exclude<RolloutState['phase'], 'done' | 'rollback' | 'zero'>;

function phaseAction(plan: Plan, state: RolloutState, phase: Stoppable): Action {
  const { waitUntilMs } = state;
  const name = state.t0Ms === null ? '' : stageOf(plan, state).name;
  switch (phase) {
    case 'preflight':
    case 'fence':
    case 'load':
    case 'promote':
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
    default:
      return phase satisfies never;
  }
}

function evaluationName(plan: Plan, state: RolloutState): string {
  return stageOf(plan, state).evaluate === 'end'
    ? `post_rollout_${state.candidate}`
    : `nightly_${state.candidate}`;
}

/** What the activity `changeTraffic` takes, but for who asks, and the holder's epoch and key. */
type TrafficChange = Pick<ControlChange, 'commands' | 'reason'> & { readonly interventions?: number };

/** A change of traffic with its idempotency key: asked for again with the same key, the gateway answers as it did. */
export interface KeyedChange {
  readonly key: string;
  readonly change: TrafficChange;
}

/** Actions that ask the gateway for a change. */
type Changing = 'load' | 'raise' | 'zero' | 'step' | 'promote';
type ChangingAction = Extract<Action, { readonly do: Changing }>;

/** The one thing that is to be done: an action with all that the outside needs for it, or a question about an earlier one. */
export type Command =
  | Exclude<Action, { readonly do: Changing | 'wait' | 'finish' }>
  | (ChangingAction & KeyedChange)
  /** Until the time, which is the event `ends`; null: until something is heard. */
  | {
      readonly do: 'wait';
      readonly untilMs: number | null;
      readonly why: string;
      readonly ends: 'time' | 'remind';
    }
  /** `unload` is for a candidate that never had users. */
  | { readonly do: 'finish'; readonly unload: KeyedChange | null }
  /** Asks with the key of a change that was left, and for no change: it was carried out, or now it never will be. */
  | { readonly do: 'settle'; readonly key: string }
  /** Looks at what the gateway has in force, which may not be what is known. */
  | { readonly do: 'compare' }
  /** A sweep that was left still takes back what it changed. */
  | { readonly do: 'awaitSweep' };

/** The action as a command; `key` is for the change that it asks for, if it asks for one. */
export function commandOf(plan: Plan, state: RolloutState, action: Action, key: string): Command {
  switch (action.do) {
    case 'load':
    case 'raise':
    case 'zero':
    case 'step':
    case 'promote':
      return { ...action, key, change: changeOf(plan, state, action) };
    case 'wait': {
      const remindMs = remindAtMs(state);
      return remindMs !== null && remindMs <= (action.untilMs ?? Infinity)
        ? { ...action, untilMs: remindMs, ends: 'remind' }
        : { ...action, ends: 'time' };
    }
    case 'finish':
      return { do: 'finish', unload: hasIdleCandidate(state) ? { key, change: UNLOAD } : null };
    default:
      return action;
  }
}

const ALL_TO_STABLE = { kind: 'setTraffic', percent: 0 } as const;
const UNLOAD: TrafficChange = { commands: [ALL_TO_STABLE, loading(null)] };

function loading(release: string | null): LoadLane {
  return { kind: 'loadLane', lane: 'candidate', release };
}

function hasIdleCandidate({ t0Ms, epoch, outcome }: RolloutState): boolean {
  return t0Ms === null && epoch !== null && outcome !== 'supersededByRollback';
}

function changeOf(plan: Plan, state: RolloutState, action: ChangingAction): TrafficChange {
  const { interventions } = state;
  switch (action.do) {
    case 'load':
      return { commands: [ALL_TO_STABLE, loading(state.candidate)] };
    case 'raise': {
      const { leaseTtlMs, onLeaseExpiry } = plan.guard;
      const lease = { ttlMs: leaseTtlMs, onExpiry: onLeaseExpiry };
      const shadow = plan.shadowPercent === null ? {} : { shadowPercent: plan.shadowPercent };
      const raise = { kind: 'setTraffic', percent: action.percent, lease, ...shadow } as const;
      return { commands: [raise], interventions };
    }
    case 'zero':
      return { commands: [ALL_TO_STABLE], reason: action.reason };
    case 'step':
      return {
        commands: [{ kind: 'setFlags', lane: 'candidate', flags: action.flags }],
        interventions,
        reason: action.reason,
      };
    case 'promote':
      return { commands: [{ kind: 'promote', previousForMs: plan.keepPreviousMs }] };
    default:
      return action satisfies never;
  }
}
