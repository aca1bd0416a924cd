import type { ControlState, Intervention, LaneSpec, Refusal, RenewLease, TakeEpoch } from './state.ts';
import type { ControlChange, Rollback } from './change.ts';
import { applyChange } from './apply-change.ts';
import { rollBack } from './roll-back.ts';
import { done, intervene, refused, stale } from './command-result.ts';
import type { Applied, World } from './command-result.ts';
import { NEWEST_SPLIT } from './traffic-split.ts';

/** What can happen to the traffic. Everything that changes a ControlState is one of these. */
export type Command =
  | { readonly kind: 'takeEpoch'; readonly body: TakeEpoch }
  | { readonly kind: 'renewLease'; readonly body: RenewLease }
  | { readonly kind: 'change'; readonly body: ControlChange; readonly world: World }
  | { readonly kind: 'rollback'; readonly body: Rollback; readonly world: World }
  /** Second half of a promotion: the intent is on disk, now the candidate is stable. */
  | { readonly kind: 'finishPromotion' }
  /** Ends a rollback to a release that was not warm. */
  | { readonly kind: 'spareReady'; readonly release: string }
  /** CANARY_PERCENT=0 at the gateway's start. */
  | { readonly kind: 'killSwitch' }
  /** Time went by: the end of the lease, and of the old release's time as `previous`. */
  | { readonly kind: 'tick' };

/** First state of a gateway: all users on stable, nobody holds an epoch. */
export function firstState(stable: LaneSpec, nowMs: number): ControlState {
  return {
    epoch: 0,
    owner: 'nobody',
    epochKey: '',
    steps: [],
    rollbacks: [],
    percent: 0,
    splitVersion: NEWEST_SPLIT,
    shadowPercent: 0,
    lanes: { stable, candidate: null, previous: null, spare: null },
    promoting: null,
    restoring: null,
    lease: null,
    holderSeenMs: null,
    experiment: null,
    interventions: 0,
    lastIntervention: null,
    changedAtMs: nowMs,
    changedBy: 'first boot',
  };
}

/**
 * The fence. Returns the next state, or why not; a refusal carries a state too, because a lease that ran out before
 * the command came is lost whatever becomes of the command.
 */
export function applyCommand(before: ControlState, command: Command, nowMs: number): Applied {
  const state = letTimePass(before, nowMs);
  const applied = carryOut(state, command, nowMs);
  if (!givesSign(state, command, applied)) return applied;
  return { ...applied, state: { ...applied.state, holderSeenMs: nowMs } };
}

/** Whether the epoch's holder was heard of. Users that a hand gives to a candidate begin the time in which nobody is. */
function givesSign(state: ControlState, command: Command, { kind, state: after }: Applied): boolean {
  switch (command.kind) {
    case 'renewLease':
      return command.body.epoch === state.epoch && state.percent > 0;
    case 'takeEpoch':
      return after !== state;
    case 'change':
      return (
        kind === 'done' &&
        after !== state &&
        (command.body.epoch !== undefined || (state.percent === 0 && after.percent > 0))
      );
    case 'rollback':
      return after !== state && command.body.owner !== undefined;
    default:
      return false;
  }
}

function carryOut(state: ControlState, command: Command, nowMs: number): Applied {
  switch (command.kind) {
    case 'takeEpoch':
      return takeEpoch(state, command.body);
    case 'renewLease':
      return renewLease(state, command.body, nowMs);
    case 'change':
      return applyChange(state, command.body, command.world, nowMs);
    case 'rollback':
      return done(rollBack(state, command.body, command.world, nowMs));
    case 'finishPromotion':
      return done(finishPromotion(state));
    case 'spareReady':
      return done(finishRestoring(state, command.release));
    case 'killSwitch':
      return done(pullKillSwitch(state, nowMs));
    case 'tick':
      return done(state);
    default:
      return command satisfies never;
  }
}

/** When the next tick is due, by lease, `previous` or experiment; null if nothing waits. */
export function nextTickMs({ lease, lanes, experiment }: ControlState): number | null {
  const times = [lease?.expiresAtMs, lanes.previous?.untilMs, experiment?.untilMs].filter(
    (time) => time !== undefined,
  );
  return times.length === 0 ? null : Math.min(...times);
}

function takeEpoch(state: ControlState, { owner, key, expected }: TakeEpoch): Applied {
  if (key === state.epochKey) return done(state);
  if (expected.epoch !== state.epoch || expected.owner !== state.owner) return refused(state, stale(state));
  // Whoever takes the fence wants the lanes as they are: an experiment of the holder before ends with its epoch.
  return done({ ...state, epoch: state.epoch + 1, owner, epochKey: key, steps: [], experiment: null });
}

function renewLease(state: ControlState, { epoch, ttlMs }: RenewLease, nowMs: number): Applied {
  if (epoch !== state.epoch) return refused(state, stale(state));
  if (state.percent === 100) return done(state);
  if (state.lease === null) return refused(state, noLease(state));
  // Never shorter than it was: two renewals may overtake each other.
  const expiresAtMs = Math.max(state.lease.expiresAtMs, nowMs + ttlMs);
  return done({ ...state, lease: { ...state.lease, expiresAtMs } });
}

function noLease({ lastIntervention }: ControlState): Refusal {
  return {
    kind: 'intervened',
    reason: 'there is no lease to renew; a lease that was lost comes back only with a raise',
    intervention: lastIntervention,
  };
}

function letTimePass(state: ControlState, nowMs: number): ControlState {
  const { experiment, lanes } = state;
  const tried: ControlState =
    experiment !== null && nowMs >= experiment.untilMs ? { ...state, experiment: null } : state;
  const kept: ControlState =
    lanes.previous !== null && nowMs >= lanes.previous.untilMs
      ? { ...tried, lanes: { ...lanes, previous: null } }
      : tried;
  return kept.lease !== null && nowMs >= kept.lease.expiresAtMs ? loseLease(kept, nowMs) : kept;
}

function loseLease(state: ControlState, nowMs: number): ControlState {
  const keep = state.lease?.onExpiry === 'keep';
  const intervention: Omit<Intervention, 'percentBefore'> = {
    kind: 'leaseLost',
    by: 'gateway',
    atMs: nowMs,
    what: keep
      ? `the lease ran out; the candidate keeps its ${state.percent} %`
      : `the lease ran out; the candidate's share went from ${state.percent} % to 0 %`,
  };
  return intervene({ ...state, lease: null, percent: keep ? state.percent : 0 }, state, intervention);
}

function pullKillSwitch(state: ControlState, nowMs: number): ControlState {
  if (state.percent === 0) return state;
  const what = `CANARY_PERCENT=0: the candidate's share went from ${state.percent} % to 0 %`;
  const intervention = { kind: 'killSwitch', by: 'environment', atMs: nowMs, what } as const;
  return intervene({ ...state, percent: 0, lease: null, promoting: null }, state, intervention);
}

function finishPromotion(state: ControlState): ControlState {
  const { stable, candidate } = state.lanes;
  if (state.promoting === null || candidate === null) return { ...state, promoting: null };
  const previous = { ...stable, untilMs: state.promoting.untilMs };
  return {
    ...state,
    promoting: null,
    percent: 0,
    lease: null,
    lanes: { ...state.lanes, stable: candidate, candidate: null, previous },
  };
}

function finishRestoring(state: ControlState, release: string): ControlState {
  const { spare } = state.lanes;
  if (state.restoring !== release || spare === null || spare.release !== release) return state;
  return { ...state, restoring: null, lanes: { ...state.lanes, stable: spare, spare: null } };
}
