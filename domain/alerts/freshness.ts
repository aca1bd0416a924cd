import type { AlertPoll } from './readings.ts';
import type { AlertState, ReadSource } from './state.ts';
import { clockOf } from '../metrics/lane-self-metrics.ts';
import type { SourceClock } from '../metrics/source-clock.ts';
import { STANDS_STILL, seeClock } from '../metrics/source-clock.ts';
import type { LaneName } from '../control/traffic-split.ts';
import type { LaneCounters } from '../metrics/snapshot.ts';

/** A poll without what stands still: an old body of the gateway is no data, one of a lane is a lane that does not answer. */
export function withoutOldBodies(
  before: AlertState['clocks'],
  poll: AlertPoll,
): { readonly clocks: AlertState['clocks']; readonly poll: AlertPoll } {
  const clocks = { ...before };
  const moved = (source: ReadSource, clock: SourceClock): boolean => {
    const step = seeClock(clocks[source], clock);
    clocks[source] = step.seen;
    return step.moved;
  };
  const counted = (lane: LaneName, counters: LaneCounters | null) => {
    const own = counters?.own ?? null;
    return counters === null || own === null || moved(`counters of ${lane}`, clockOf(own))
      ? counters
      : { ...counters, own: null };
  };
  if (poll.snapshot.kind === 'missing') return { clocks, poll };
  const { snapshot } = poll.snapshot;
  if (!moved('gateway', snapshot))
    return { clocks, poll: { ...poll, snapshot: { kind: 'missing', reason: STANDS_STILL } } };
  const lanes = {
    stable: counted('stable', snapshot.lanes.stable),
    candidate: counted('candidate', snapshot.lanes.candidate),
  };
  return { clocks, poll: { ...poll, snapshot: { kind: 'snapshot', snapshot: { ...snapshot, lanes } } } };
}
