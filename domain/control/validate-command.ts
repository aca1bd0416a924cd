import type {
  ControlChange,
  LoadLane,
  SetFlags,
  SetTraffic,
  StartExperiment,
  TrafficCommand,
} from './change.ts';
import type { World } from './command-result.ts';
import type { ControlState, Refusal } from './state.ts';

/** Why a command of that change cannot be carried out in this state; null where it can. */
export function objection(
  state: ControlState,
  command: TrafficCommand,
  change: ControlChange,
  world: World,
): Refusal | null {
  switch (command.kind) {
    case 'setTraffic':
      return ofTraffic(state, command, change, world);
    case 'setFlags':
      return ofFlags(state, command, change);
    case 'loadLane':
      return ofLane(state, command);
    case 'startExperiment':
      return ofExperiment(state, command, change);
    case 'endExperiment':
      return null;
    case 'promote':
      return ofPromotion(state, change);
    default:
      return command satisfies never;
  }
}

function ofTraffic(
  state: ControlState,
  { percent = state.percent, shadowPercent = 0, lease }: SetTraffic,
  { epoch, interventions }: ControlChange,
  { killSwitch }: World,
): Refusal | null {
  const raises = percent > state.percent;
  const isHolder = epoch !== undefined;
  if (raises && isHolder && interventions !== state.interventions) return intervened(state);
  if (raises && killSwitch)
    return {
      kind: 'intervened',
      reason: 'percent: CANARY_PERCENT=0 is set in the environment of the gateway',
      intervention: state.lastIntervention,
    };
  const needsLease = raises && percent < 100 && isHolder && state.lease === null;
  return firstOf([
    [!(percent >= 0 && percent <= 100), 'percent: must be from 0 to 100'],
    [!(shadowPercent >= 0 && shadowPercent <= 100), 'shadowPercent: must be from 0 to 100'],
    [percent > 0 && state.lanes.candidate === null, 'percent: there is no candidate'],
    [raises && state.restoring !== null, `percent: users are on their way back to ${state.restoring}`],
    [lease !== undefined && !isHolder, 'lease: only the holder of an epoch has one'],
    [needsLease && lease === undefined, 'lease: a share below 100 % needs one'],
  ]);
}

function ofFlags(state: ControlState, { lane }: SetFlags, { interventions }: ControlChange): Refusal | null {
  // Flags that a hand has set in the meantime are news, for a holder who says what it knows of.
  if (interventions !== undefined && interventions !== state.interventions) return intervened(state);
  return firstOf([[state.lanes[lane] === null, `flags.${lane}: there is no ${lane}`]]);
}

function ofLane({ percent, restoring }: ControlState, { lane, release }: LoadLane): Refusal | null {
  return firstOf([
    [lane === 'candidate' && percent > 0, 'lanes.candidate: a new candidate needs percent 0'],
    [lane === 'spare' && release !== null && restoring !== null, 'lanes.spare: is in use by a rollback'],
  ]);
}

function ofExperiment(
  { percent, restoring }: ControlState,
  { offPercent }: StartExperiment,
  { epoch }: ControlChange,
): Refusal | null {
  return firstOf([
    [epoch === undefined, 'experiment: only the holder of an epoch begins one'],
    [percent > 0, 'experiment: the candidate has users'],
    [restoring !== null, 'experiment: users are on their way back'],
    [!(offPercent > 0 && offPercent <= 50), 'experiment.offPercent: must be over 0 and at most 50'],
  ]);
}

function ofPromotion(state: ControlState, { epoch }: ControlChange): Refusal | null {
  const { percent, lastIntervention, lanes, restoring } = state;
  // Somebody took the candidate back from 100 %: that is news for the holder, not a mistake of its own.
  if (epoch !== undefined && percent !== 100 && lastIntervention !== null) return intervened(state);
  return firstOf([
    [lanes.candidate === null, 'promote: there is no candidate'],
    [percent !== 100, `promote: needs percent 100, it is ${percent}`],
    [restoring !== null, 'promote: users are on their way back'],
  ]);
}

function firstOf(rules: readonly (readonly [boolean, string])[]): Refusal | null {
  const broken = rules.find(([is]) => is);
  return broken === undefined ? null : { kind: 'invalid', reason: broken[1] };
}

function intervened({ lastIntervention: last, interventions }: ControlState): Refusal {
  const reason = `${last === null ? 'no intervention is known here' : `${last.by}: ${last.what}`} (${interventions} so far)`;
  return { kind: 'intervened', reason, intervention: last };
}
