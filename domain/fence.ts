import type {
  ControlChange,
  ControlState,
  Flags,
  Intervention,
  LaneSpec,
  Refusal,
  RenewLease,
  TakeEpoch,
} from './control.ts';

/** What may change the gateway's state. The fence decides; the gateway writes to disk and starts processes. */
export type Command =
  | { readonly kind: 'takeEpoch'; readonly body: TakeEpoch }
  | { readonly kind: 'renewLease'; readonly body: RenewLease }
  | { readonly kind: 'change'; readonly body: ControlChange }
  /** Time went by: the lease may be over, and `previous` no longer needed. */
  | { readonly kind: 'tick' }
  /** The second step of a promotion, after its intent is on disk. */
  | { readonly kind: 'finishPromotion' }
  /** The spare lane is ready; a rollback that waited for it can be completed. */
  | { readonly kind: 'spareReady'; readonly release: string }
  /** CANARY_PERCENT=0 in the gateway's environment. */
  | { readonly kind: 'killSwitch' };

export type Applied =
  | { readonly kind: 'done'; readonly state: ControlState }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** Steps of one epoch that are remembered; a rollout makes about twenty. */
const STEPS_KEPT = 100;

/** A gateway's first state: all users on stable, and nobody has taken an epoch. */
export function firstState(stable: LaneSpec, nowMs: number): ControlState {
  return {
    epoch: 0,
    owner: 'nobody',
    epochKey: '',
    steps: [],
    percent: 0,
    lanes: { stable, candidate: null, previous: null, spare: null },
    promoting: null,
    restoring: null,
    lease: null,
    interventions: 0,
    lastIntervention: null,
    changedAtMs: nowMs,
    changedBy: 'first boot',
  };
}

/** Applies one command: the state after it, or the reason why it is refused. Pure; a refusal changes nothing. */
export function applyCommand(
  state: ControlState,
  command: Command,
  nowMs: number,
  killSwitch = false,
): Applied {
  switch (command.kind) {
    case 'takeEpoch':
      return takeEpoch(state, command.body, nowMs);
    case 'renewLease':
      return renewLease(state, command.body, nowMs);
    case 'change':
      return change(state, command.body, nowMs, killSwitch);
    case 'tick':
      return done(tick(state, nowMs));
    case 'finishPromotion':
      return done(finishPromotion(state));
    case 'spareReady':
      return done(restored(state, command.release));
    case 'killSwitch':
      return done(
        state.percent === 0
          ? state
          : withoutUsers(state, { kind: 'killSwitch', by: 'CANARY_PERCENT=0' }, nowMs),
      );
    default:
      return command satisfies never;
  }
}

function done(state: ControlState): Applied {
  return { kind: 'done', state };
}

function invalid(reason: string): Applied {
  return { kind: 'refused', refusal: { kind: 'invalid', reason } };
}

function stale(state: ControlState, reason: string): Applied {
  return { kind: 'refused', refusal: { kind: 'staleEpoch', reason, epoch: state.epoch, owner: state.owner } };
}

function takeEpoch(state: ControlState, { owner, key, expected }: TakeEpoch, nowMs: number): Applied {
  if (state.epochKey === key) return done(state);
  if (expected.epoch !== state.epoch || expected.owner !== state.owner)
    return stale(
      state,
      `epoch ${state.epoch} is ${state.owner}'s, not epoch ${expected.epoch} of ${expected.owner}`,
    );
  return done({
    ...state,
    epoch: state.epoch + 1,
    owner,
    epochKey: key,
    steps: [],
    changedAtMs: nowMs,
    changedBy: owner,
  });
}

function renewLease(state: ControlState, { epoch, ttlMs }: RenewLease, nowMs: number): Applied {
  if (epoch !== state.epoch)
    return stale(state, `the lease is for epoch ${state.epoch} (${state.owner}), not ${epoch}`);
  if (state.lease === null)
    return invalid('there is no lease to renew: it is lost, or no share of users needs one');
  return done({ ...state, lease: { ...state.lease, expiresAtMs: nowMs + ttlMs } });
}

function change(state: ControlState, body: ControlChange, nowMs: number, killSwitch: boolean): Applied {
  const { epoch, step } = body;
  if (epoch !== undefined) {
    if (epoch !== state.epoch)
      return stale(state, `epoch ${epoch} is not the newest: ${state.owner} has ${state.epoch}`);
    if (step === undefined) return invalid('step: is needed with an epoch');
    if (state.steps.includes(step)) return done(state);
  }
  const against = objection(state, body, killSwitch);
  if (against !== null) return { kind: 'refused', refusal: against };
  const changed = changedState(state, body, nowMs);
  const stamped = { ...changed, changedAtMs: nowMs, changedBy: body.by };
  return done(
    epoch === undefined
      ? byHand(state, stamped, body, nowMs)
      : { ...stamped, steps: [...state.steps, step ?? ''].slice(-STEPS_KEPT) },
  );
}

/** Why a change can not be made in this state; null where it can. */
function objection(state: ControlState, body: ControlChange, killSwitch: boolean): Refusal | null {
  const percent = body.percent ?? state.percent;
  const candidate = body.lanes?.candidate === undefined ? state.lanes.candidate : body.lanes.candidate;
  const refuse = (reason: string): Refusal => ({ kind: 'invalid', reason });
  if (percent > state.percent) {
    if (killSwitch)
      return {
        kind: 'intervened',
        reason: 'CANARY_PERCENT=0 is set at the gateway',
        intervention: state.lastIntervention,
      };
    if (body.epoch !== undefined && body.interventions !== state.interventions)
      return {
        kind: 'intervened',
        reason: interventionText(state.lastIntervention),
        intervention: state.lastIntervention,
      };
  }
  if (percent > 0 && candidate === null && body.rollbackTo === undefined)
    return refuse('percent: there is no candidate');
  if (
    body.lanes?.candidate !== undefined &&
    body.lanes.candidate !== state.lanes.candidate?.release &&
    percent > 0
  )
    return refuse('lanes.candidate: the candidate can be changed at 0 % only');
  if (body.flags?.candidate !== undefined && candidate === null)
    return refuse('flags.candidate: there is no candidate');
  if (body.promote !== undefined && (state.percent !== 100 || candidate === null))
    return refuse(`promote: the candidate needs 100 % of the users, it has ${state.percent} %`);
  if (state.promoting !== null && body.rollbackTo === undefined) return refuse('a promotion is under way');
  return null;
}

function interventionText(intervention: Intervention | null): string {
  if (intervention === null) return 'traffic was changed from outside';
  return intervention.kind === 'leaseLost'
    ? 'held at 0 %, lease lost'
    : `${intervention.by} changed traffic: ${intervention.what}`;
}

function changedState(state: ControlState, body: ControlChange, nowMs: number): ControlState {
  if (body.rollbackTo !== undefined) return rolledBack(state, body.rollbackTo);
  const percent = body.percent ?? state.percent;
  const shared = percent > 0 && percent < 100;
  const next: ControlState = { ...state, percent, lanes: changedLanes(state, body) };
  if (body.promote !== undefined)
    return { ...next, promoting: { untilMs: nowMs + body.promote.previousForMs }, lease: null };
  if (!shared) return { ...next, lease: null };
  if (body.lease !== undefined)
    return { ...next, lease: { expiresAtMs: nowMs + body.lease.ttlMs, onExpiry: body.lease.onExpiry } };
  // A share that a hand has set is that hand's: no rollout renews a lease for it.
  return body.epoch === undefined && body.percent !== undefined ? { ...next, lease: null } : next;
}

function changedLanes(
  { lanes }: ControlState,
  { lanes: wanted, flags }: ControlChange,
): ControlState['lanes'] {
  const loaded = (now: LaneSpec | null, release: string | null | undefined): LaneSpec | null => {
    if (release === undefined || release === now?.release) return now;
    return release === null ? null : { release, flags: null };
  };
  const flagged = <Spec extends LaneSpec | null>(spec: Spec, to: Flags | undefined): Spec =>
    spec === null || to === undefined ? spec : { ...spec, flags: to };
  return {
    ...lanes,
    stable: flagged(lanes.stable, flags?.stable),
    candidate: flagged(loaded(lanes.candidate, wanted?.candidate), flags?.candidate),
    spare: loaded(lanes.spare, wanted?.spare),
  };
}

/** Users on `release`: at once where it is stable or warm, else as soon as the spare lane has loaded it. */
function rolledBack(state: ControlState, release: string): ControlState {
  const { lanes } = state;
  const cleared = { ...state, percent: 0, lease: null, promoting: null, restoring: null };
  if (lanes.stable.release === release) return { ...cleared, lanes: { ...lanes, candidate: null } };
  if (lanes.previous?.release === release) {
    const { flags } = lanes.previous;
    return { ...cleared, lanes: { ...lanes, stable: { release, flags }, candidate: null, previous: null } };
  }
  return {
    ...cleared,
    restoring: release,
    lanes: { ...lanes, candidate: null, spare: { release, flags: null } },
  };
}

function restored(state: ControlState, release: string): ControlState {
  const { spare } = state.lanes;
  if (state.restoring !== release || spare?.release !== release) return state;
  return { ...state, restoring: null, lanes: { ...state.lanes, stable: spare, spare: null } };
}

function finishPromotion(state: ControlState): ControlState {
  const { stable, candidate } = state.lanes;
  if (state.promoting === null || candidate === null) return { ...state, promoting: null };
  const previous = { ...stable, untilMs: state.promoting.untilMs };
  return {
    ...state,
    percent: 0,
    promoting: null,
    lanes: { ...state.lanes, stable: candidate, candidate: null, previous },
  };
}

function tick(state: ControlState, nowMs: number): ControlState {
  const { previous } = state.lanes;
  const aged =
    previous !== null && previous.untilMs <= nowMs
      ? { ...state, lanes: { ...state.lanes, previous: null } }
      : state;
  if (aged.lease === null || aged.lease.expiresAtMs > nowMs) return aged;
  return withoutUsers(aged, { kind: 'leaseLost', by: aged.owner }, nowMs);
}

function withoutUsers(
  state: ControlState,
  cause: Pick<Intervention, 'kind' | 'by'>,
  nowMs: number,
): ControlState {
  const keep = cause.kind === 'leaseLost' && state.lease?.onExpiry === 'keep';
  const percent = keep ? state.percent : 0;
  const what =
    cause.kind === 'leaseLost'
      ? `the lease was not renewed: ${keep ? `kept at ${percent} %, as the plan says` : 'candidate to 0 %'}`
      : 'candidate to 0 %';
  return {
    ...intervened(state, { ...cause, atMs: nowMs, what, percentBefore: state.percent }),
    percent,
    lease: null,
    changedAtMs: nowMs,
    changedBy: cause.kind,
  };
}

function intervened(state: ControlState, intervention: Intervention): ControlState {
  return { ...state, interventions: state.interventions + 1, lastIntervention: intervention };
}

/** A change without an epoch counts as an intervention; a rollback takes a new epoch, so that nothing in flight can undo it. */
function byHand(before: ControlState, after: ControlState, body: ControlChange, nowMs: number): ControlState {
  const parts = [
    body.rollbackTo === undefined ? '' : `rollback to ${body.rollbackTo}`,
    body.percent === undefined ? '' : `percent ${before.percent} to ${body.percent}`,
    body.lanes === undefined ? '' : `lanes ${JSON.stringify(body.lanes)}`,
    body.flags === undefined ? '' : `flags ${JSON.stringify(body.flags)}`,
    body.promote === undefined ? '' : 'promotion',
  ].filter((part) => part !== '');
  // A spare lane carries no users: a dry run must not hold a rollout.
  const onlySpare =
    body.lanes?.spare !== undefined && body.lanes.candidate === undefined && parts.length === 1;
  if (onlySpare) return after;
  const what = `${parts.join(', ')}${body.reason === undefined ? '' : ` (${body.reason})`}`;
  const counted = intervened(after, {
    kind: 'byHand',
    by: body.by,
    atMs: nowMs,
    what,
    percentBefore: before.percent,
  });
  if (body.rollbackTo === undefined) return counted;
  return { ...counted, epoch: before.epoch + 1, owner: body.by, epochKey: '', steps: [] };
}
