import type { ControlState, ControlView, LaneStatus } from '../../../domain/control/state.ts';

/** A view as people and their clocks read it: its times moved by what the wall clock is ahead of the gateway's. */
export function shownView({ state, lanes, nowMs, killSwitch }: ControlView, aheadMs: number): ControlView {
  return {
    state: shownState(state, aheadMs),
    lanes: {
      stable: shownStatus(lanes.stable, aheadMs),
      candidate: shownStatus(lanes.candidate, aheadMs),
      previous: shownStatus(lanes.previous, aheadMs),
      spare: shownStatus(lanes.spare, aheadMs),
    },
    nowMs: nowMs + aheadMs,
    killSwitch,
  };
}

function shownState(state: ControlState, aheadMs: number): ControlState {
  if (aheadMs === 0) return state;
  const { lanes, promoting, lease, experiment, lastIntervention } = state;
  const later = (ms: number) => ms + aheadMs;
  const until = <T extends { readonly untilMs: number } | null>(part: T): T =>
    part === null ? part : { ...part, untilMs: later(part.untilMs) };
  return {
    ...state,
    lanes: { ...lanes, previous: until(lanes.previous) },
    promoting: until(promoting),
    experiment: until(experiment),
    lease: lease === null ? null : { ...lease, expiresAtMs: later(lease.expiresAtMs) },
    lastIntervention:
      lastIntervention === null ? null : { ...lastIntervention, atMs: later(lastIntervention.atMs) },
    holderSeenMs: state.holderSeenMs === null ? null : later(state.holderSeenMs),
    changedAtMs: later(state.changedAtMs),
  };
}

function shownStatus(status: LaneStatus | null, aheadMs: number): LaneStatus | null {
  if (status === null || status.notReadySinceMs === null) return status;
  return { ...status, notReadySinceMs: status.notReadySinceMs + aheadMs };
}
