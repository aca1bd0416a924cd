import type { ControlChange, LoadLane, SetFlags, SetTraffic, TrafficCommand } from './change.ts';
import type { Applied, World } from './command-result.ts';
import { done, intervene, refused, stale } from './command-result.ts';
import type { ControlState, LaneSpec } from './state.ts';
import { NEWEST_SPLIT } from './traffic-split.ts';
import { objection } from './validate-command.ts';

/** As many steps of an epoch are remembered; a rollout takes about twenty. */
const REMEMBERED_STEPS = 100;

/** A change of the traffic by the epoch's holder, or by hand: all its commands, or none and the reason. */
export function applyChange(
  state: ControlState,
  change: ControlChange,
  world: World,
  nowMs: number,
): Applied {
  if (change.epoch !== undefined) {
    if (change.epoch !== state.epoch) return refused(state, stale(state));
    if (state.steps.includes(change.step)) return done(state);
  }
  let next = state;
  for (const command of change.commands) {
    const refusal = objection(next, command, change, world);
    if (refusal !== null) return refused(state, refusal);
    next = carryOut(next, command, nowMs);
  }
  return done(
    change.epoch === undefined
      ? byHand(state, next, change, nowMs)
      : { ...next, steps: remembered(next, change.step), changedAtMs: nowMs, changedBy: change.by },
  );
}

function carryOut(state: ControlState, command: TrafficCommand, nowMs: number): ControlState {
  switch (command.kind) {
    case 'setTraffic':
      return withTraffic(state, command, nowMs);
    case 'setFlags':
      return withFlags(state, command);
    case 'loadLane':
      return withLane(state, command);
    case 'startExperiment': {
      const { name, offPercent, forMs } = command;
      const experiment = { name, offPercent, untilMs: nowMs + forMs };
      return { ...state, experiment, splitVersion: nextSplit(state) };
    }
    case 'endExperiment':
      return { ...state, experiment: null };
    case 'promote':
      return { ...state, promoting: { untilMs: nowMs + command.previousForMs } };
    default:
      return command satisfies never;
  }
}

function withTraffic(
  state: ControlState,
  { percent = state.percent, shadowPercent = state.shadowPercent, lease }: SetTraffic,
  nowMs: number,
): ControlState {
  const isShared = percent > 0 && percent < 100;
  const given =
    lease === undefined ? state.lease : { expiresAtMs: nowMs + lease.ttlMs, onExpiry: lease.onExpiry };
  return {
    ...state,
    percent,
    shadowPercent,
    // A lease exists only while users are shared; it comes with a raise and is otherwise left as it is.
    lease: isShared ? given : null,
    // Users on a candidate end an experiment.
    experiment: percent > 0 ? null : state.experiment,
  };
}

function withFlags(state: ControlState, { lane, flags }: SetFlags): ControlState {
  const spec = state.lanes[lane];
  return spec === null ? state : { ...state, lanes: { ...state.lanes, [lane]: { ...spec, flags } } };
}

function withLane(state: ControlState, { lane, release }: LoadLane): ControlState {
  const lanes = { ...state.lanes, [lane]: fresh(release) };
  if (lane === 'spare') return { ...state, lanes, restoring: release === null ? null : state.restoring };
  return { ...state, lanes, splitVersion: release === null ? state.splitVersion : nextSplit(state) };
}

/** A release under its own default flags. */
function fresh(release: string | null): LaneSpec | null {
  return release === null ? null : { release, flags: null };
}

/** Users who are not split now may be split by another hash from here on. */
function nextSplit({ percent, experiment, splitVersion }: ControlState): number {
  return percent === 0 && experiment === null ? NEWEST_SPLIT : splitVersion;
}

function remembered({ steps }: ControlState, step: string): readonly string[] {
  return [...steps, step].slice(-REMEMBERED_STEPS);
}

function byHand(
  before: ControlState,
  next: ControlState,
  { by, reason, commands }: ControlChange,
  nowMs: number,
): ControlState {
  const seen = commands.map((command) => described(before, command)).filter((text) => text !== null);
  // The spare lane alone has no users, and a shadow is seen by none: that concerns nobody.
  if (seen.length === 0) return next;
  const what = `${seen.join(', ')}${reason === undefined ? '' : ` (${reason})`}`;
  return intervene(next, before, { kind: 'byHand', by, atMs: nowMs, what });
}

/** What a command by hand did to users; null where it did nothing to them. */
function described({ percent: before }: ControlState, command: TrafficCommand): string | null {
  switch (command.kind) {
    case 'setTraffic':
      return command.percent === undefined ? null : `percent ${before} -> ${command.percent}`;
    case 'setFlags':
      return `flags of ${command.lane}`;
    case 'loadLane':
      return command.lane === 'spare' ? null : `candidate ${command.release ?? 'unloaded'}`;
    case 'promote':
      return 'promoted the candidate';
    case 'endExperiment':
      return 'ended the experiment';
    // Refused to a hand.
    case 'startExperiment':
      return null;
    default:
      return command satisfies never;
  }
}
