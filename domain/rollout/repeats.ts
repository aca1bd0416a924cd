import type { Plan } from '../plan/plan.ts';
import type { RolloutState, TimelineEntry } from './state.ts';
import { log } from './state.ts';

/** Different messages in a row that change nothing and are listed apart; what comes beyond counts together. */
const TOLD_APART = 20;
const MORE = 'more messages that change nothing';

/** Messages since anything else happened that changed nothing, oldest first. */
export function idleMessages({ timeline }: RolloutState): readonly TimelineEntry[] {
  const last = timeline.findLastIndex(({ times }) => times === undefined);
  return timeline.slice(last + 1);
}

/** The state after a message that changes nothing: an equal one counts, so that ten thousand are one line. */
export function logIdle(plan: Plan, state: RolloutState, text: string, nowMs: number): RolloutState {
  const idle = idleMessages(state);
  const said = idle.length < TOLD_APART || idle.some((one) => one.text === text) ? text : MORE;
  const known = idle.find((one) => one.text === said);
  if (known === undefined)
    return log(plan, state, { kind: 'message', text: said, times: 1, lastMs: nowMs }, nowMs);
  const again = { ...known, times: (known.times ?? 1) + 1, lastMs: nowMs };
  return { ...state, timeline: state.timeline.map((entry) => (entry === known ? again : entry)) };
}

/** Repeated messages whose row has ended: something else has happened since. */
export function endedRepeats(before: RolloutState, after: RolloutState): readonly TimelineEntry[] {
  if (before.timeline === after.timeline || idleMessages(after).length > 0) return [];
  return idleMessages(before).filter(({ times = 1 }) => times > 1);
}

/** A line of the timeline as it is read: ` (10,000 times)` behind what came again. */
export function formatTimes({ times = 1 }: Pick<TimelineEntry, 'times'>): string {
  return times === 1 ? '' : ` (${times} times)`;
}
