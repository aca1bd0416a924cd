import type { ControlChange, LoadLane } from '../control/change.ts';
import type { Action } from './action.ts';
import { PHASES, measuresOn } from './phases.ts';
import { remindAtMs } from './reminders.ts';
import type { Plan } from '../plan/plan.ts';
import type { RolloutState } from './state.ts';

/** The one thing to do next, out of the state alone. */
export function nextAction(plan: Plan, state: RolloutState): Action {
  const { action, goesOn } = PHASES[state.phase];
  if (goesOn === 'always') return action(plan, state);
  if (state.pausedSinceMs !== null) return { do: 'wait', untilMs: null, why: 'paused' };
  if (state.held !== null && !measuresOn(plan, state))
    return { do: 'wait', untilMs: null, why: `held: ${state.held.reason}` };
  return action(plan, state);
}

/** What the activity `changeTraffic` takes, but for who asks, and the holder's epoch and key. */
type TrafficChange = Pick<ControlChange, 'commands' | 'reason'> & { readonly interventions?: number };

/** A change of traffic with its idempotency key: asked for again with the same key, the gateway answers as it did. */
export interface KeyedChange {
  readonly key: string;
  readonly change: TrafficChange;
}

/** Actions that ask the gateway for a change. */
type Changing = 'load' | 'raise' | 'withdrawTraffic' | 'applyRemediation' | 'promote';
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
    case 'withdrawTraffic':
    case 'applyRemediation':
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
    case 'withdrawTraffic':
      return { commands: [ALL_TO_STABLE], reason: action.reason };
    case 'applyRemediation':
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
