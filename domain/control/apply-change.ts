import type { ControlChange, ControlState, Experiment, LaneSpec } from './state.ts';
import type { Applied, World } from './command-result.ts';
import { done, intervene, refused, stale } from './command-result.ts';
import { NEWEST_SPLIT } from './traffic-split.ts';

/** As many steps of an epoch are remembered; a rollout takes about twenty. */
const REMEMBERED_STEPS = 100;

/** A change of the traffic by the epoch's holder, or by hand. */
export function applyChange(
  state: ControlState,
  change: ControlChange,
  world: World,
  nowMs: number,
): Applied {
  const blocked = fenceOff(state, change);
  if (blocked !== null) return blocked;
  const problem = misfit(state, change, world);
  if (problem !== null) return problem;
  const next = change.rollbackTo === undefined ? edit(state, change, nowMs) : rollBack(state, change, world);
  const settled = {
    ...next,
    lease: leaseAfter(next, change, nowMs),
    changedAtMs: nowMs,
    changedBy: change.by,
  };
  return done(
    change.epoch === undefined ? byHand(state, settled, change, nowMs) : bySteps(settled, change.step),
  );
}

/** The answer to a holder who is not the holder, repeats a step, or raises in ignorance of an intervention; else null. */
function fenceOff(state: ControlState, change: ControlChange): Applied | null {
  if (change.epoch === undefined) return null;
  if (change.epoch !== state.epoch) return refused(state, stale(state));
  if (change.step === undefined) return invalid(state, 'step: needed with epoch');
  if (state.steps.includes(change.step)) return done(state);
  const raises = (change.percent ?? 0) > state.percent;
  if (raises && change.interventions !== state.interventions) return intervened(state);
  // Flags that a hand has set in the meantime are news as well, for a holder who says what he knows of.
  const unaware = change.interventions !== undefined && change.interventions !== state.interventions;
  if (change.flags !== undefined && unaware) return intervened(state);
  // Somebody took the candidate back from 100 %: that is news for the holder, not a mistake of his.
  if (change.promote !== undefined && state.percent !== 100 && state.lastIntervention !== null)
    return intervened(state);
  return null;
}

function intervened(state: ControlState): Applied {
  const { lastIntervention: last, interventions } = state;
  const reason = `${last === null ? 'no intervention is known here' : `${last.by}: ${last.what}`} (${interventions} so far)`;
  return refused(state, { kind: 'intervened', reason, intervention: last });
}

function invalid(state: ControlState, reason: string): Applied {
  return refused(state, { kind: 'invalid', reason });
}

/** What makes no sense in this state, in words; null if nothing. */
function misfit(state: ControlState, change: ControlChange, world: World): Applied | null {
  const { percent = state.percent, shadowPercent = 0, lanes, flags, promote, rollbackTo, lease } = change;
  const begins = change.experiment ?? null;
  const alone = percent === state.percent && lanes === undefined && flags === undefined;
  const candidate = lanes?.candidate === undefined ? state.lanes.candidate?.release : lanes.candidate;
  const raises = percent > state.percent;
  const shared = percent > 0 && percent < 100;
  if (raises && world.killSwitch)
    return refused(state, {
      kind: 'intervened',
      reason: 'percent: CANARY_PERCENT=0 is set in the environment of the gateway',
      intervention: state.lastIntervention,
    });
  const wrong: readonly (readonly [boolean, string])[] = [
    [!(percent >= 0 && percent <= 100), 'percent: must be from 0 to 100'],
    [!(shadowPercent >= 0 && shadowPercent <= 100), 'shadowPercent: must be from 0 to 100'],
    [(promote !== undefined || rollbackTo !== undefined) && !alone, 'promote and rollbackTo stand alone'],
    [promote !== undefined && rollbackTo !== undefined, 'promote and rollbackTo exclude each other'],
    [promote !== undefined && !candidate, 'promote: there is no candidate'],
    [promote !== undefined && state.percent !== 100, `promote: needs percent 100, it is ${state.percent}`],
    [lanes?.candidate !== undefined && percent > 0, 'lanes.candidate: a new candidate needs percent 0'],
    [percent > 0 && !candidate, 'percent: there is no candidate'],
    [flags?.candidate !== undefined && !candidate, 'flags.candidate: there is no candidate'],
    [raises && state.restoring !== null, `percent: users are on their way back to ${state.restoring}`],
    [promote !== undefined && state.restoring !== null, `promote: users are on their way back`],
    [typeof lanes?.spare === 'string' && state.restoring !== null, 'lanes.spare: is in use by a rollback'],
    [lease !== undefined && change.epoch === undefined, 'lease: only the holder of an epoch has one'],
    [begins !== null && change.epoch === undefined, 'experiment: only the holder of an epoch begins one'],
    [begins !== null && percent > 0, 'experiment: the candidate has users'],
    [begins !== null && state.restoring !== null, 'experiment: users are on their way back'],
    [
      begins !== null && !(begins.offPercent > 0 && begins.offPercent <= 50),
      'experiment.offPercent: must be over 0 and at most 50',
    ],
    [
      raises && shared && change.epoch !== undefined && lease === undefined && state.lease === null,
      'lease: a share below 100 % needs one',
    ],
  ];
  const found = wrong.find(([is]) => is);
  return found === undefined ? null : invalid(state, found[1]);
}

function edit(state: ControlState, change: ControlChange, nowMs: number): ControlState {
  const { lanes = {}, flags = {}, promote } = change;
  const candidate = lanes.candidate === undefined ? state.lanes.candidate : fresh(lanes.candidate);
  const spare = lanes.spare === undefined ? state.lanes.spare : fresh(lanes.spare);
  const edited: ControlState = {
    ...state,
    percent: change.percent ?? state.percent,
    splitVersion: beginsSplit(state, change) ? NEWEST_SPLIT : state.splitVersion,
    shadowPercent: change.shadowPercent ?? state.shadowPercent,
    lanes: {
      ...state.lanes,
      stable: flags.stable ? { ...state.lanes.stable, flags: flags.stable } : state.lanes.stable,
      candidate: candidate && flags.candidate ? { ...candidate, flags: flags.candidate } : candidate,
      spare,
    },
    restoring: lanes.spare === null ? null : state.restoring,
    experiment: experimentAfter(state, change, nowMs),
  };
  if (promote === undefined) return edited;
  return { ...edited, promoting: { untilMs: nowMs + promote.previousForMs } };
}

/** An experiment stays until it is ended; users on a candidate end it as well. */
function experimentAfter(state: ControlState, change: ControlChange, nowMs: number): Experiment | null {
  if ((change.percent ?? state.percent) > 0) return null;
  const { experiment } = change;
  if (experiment === undefined) return state.experiment;
  if (experiment === null) return null;
  const { name, offPercent, forMs } = experiment;
  return { name, offPercent, untilMs: nowMs + forMs };
}

/** A release under its own default flags. */
/** Whether users are to be split who are not split now: only then may they be split by another hash. */
function beginsSplit(
  { percent, experiment: underWay }: ControlState,
  { lanes, experiment }: ControlChange,
): boolean {
  const begins = typeof lanes?.candidate === 'string' || (experiment !== undefined && experiment !== null);
  return begins && percent === 0 && underWay === null;
}

function fresh(release: string | null): LaneSpec | null {
  return release === null ? null : { release, flags: null };
}

/** Users back to a release: at once where a lane with it is warm, else `restoring` until the spare lane is. */
function rollBack(before: ControlState, { rollbackTo: to = '' }: ControlChange, world: World): ControlState {
  const spare = before.restoring === null ? before.lanes.spare : null;
  const state: ControlState = {
    ...before,
    percent: 0,
    promoting: null,
    restoring: null,
    experiment: null,
    lanes: { ...before.lanes, spare },
  };
  const { stable, previous, candidate } = state.lanes;
  if (stable.release === to) return state;
  const warm = world.warm.includes(to);
  if (previous?.release === to) {
    const { release, flags } = previous;
    const spec = { release, flags };
    return warm
      ? { ...state, lanes: { ...state.lanes, stable: spec, previous: null } }
      : { ...state, restoring: to, lanes: { ...state.lanes, spare: spec, previous: null } };
  }
  if (candidate?.release === to && warm)
    return { ...state, lanes: { ...state.lanes, stable: candidate, candidate: null } };
  return { ...state, restoring: to, lanes: { ...state.lanes, spare: fresh(to) } };
}

/** A lease exists only while users are shared; it comes with a raise and is otherwise left as it is. */
function leaseAfter(next: ControlState, { lease }: ControlChange, nowMs: number): ControlState['lease'] {
  if (next.percent === 0 || next.percent === 100) return null;
  return lease === undefined ? next.lease : { expiresAtMs: nowMs + lease.ttlMs, onExpiry: lease.onExpiry };
}

function bySteps(state: ControlState, step = ''): ControlState {
  return { ...state, steps: [...state.steps, step].slice(-REMEMBERED_STEPS) };
}

function byHand(
  before: ControlState,
  next: ControlState,
  change: ControlChange,
  nowMs: number,
): ControlState {
  const { by, percent, flags, lanes, promote, rollbackTo, experiment } = change;
  const parts = [
    percent === undefined ? [] : [`percent ${before.percent} -> ${percent}`],
    flags === undefined ? [] : [`flags of ${Object.keys(flags).join(' and ')}`],
    lanes?.candidate === undefined ? [] : [`candidate ${lanes.candidate ?? 'unloaded'}`],
    promote === undefined ? [] : ['promoted the candidate'],
    experiment === undefined ? [] : ['ended the experiment'],
    rollbackTo === undefined ? [] : [`rollback to ${rollbackTo}`],
  ].flat();
  // The spare lane alone has no users, and a shadow is seen by none: that is nobody's business.
  if (parts.length === 0) return { ...next, changedAtMs: before.changedAtMs, changedBy: before.changedBy };
  const what = `${parts.join(', ')}${change.reason === undefined ? '' : ` (${change.reason})`}`;
  const counted = intervene(next, before, { kind: 'byHand', by, atMs: nowMs, what });
  if (rollbackTo === undefined) return counted;
  // A rollback takes the fence with it: nothing that is in flight can raise the percent after it.
  return { ...counted, epoch: before.epoch + 1, owner: by, epochKey: `by hand at ${nowMs}`, steps: [] };
}
