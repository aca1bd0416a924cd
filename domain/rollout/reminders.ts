import { rollbackCommand } from '../notification/commands.ts';
import type { RolloutState, Step } from './state.ts';

/** Half a shift: whoever missed the first page sees the second. */
const REMIND_EVERY_MS = 4 * 3_600_000;

/** When a person who has not answered is asked again; null where nobody was asked. */
export function remindAtMs({ held, pausedSinceMs, askedMs }: RolloutState): number | null {
  return (held === null && pausedSinceMs === null) || askedMs === null ? null : askedMs + REMIND_EVERY_MS;
}

/** Still held, or paused: the page again. An operator's own hold is worth a warning by then. */
export function remind(state: RolloutState, nowMs: number): Step {
  const { candidate, percent, held, pausedSinceMs, report, heldSinceMs } = state;
  if (held === null && pausedSinceMs === null) return { state, effects: [] };
  const what = pausedSinceMs === null ? 'held' : 'paused';
  const hours = Math.floor((nowMs - (pausedSinceMs ?? heldSinceMs ?? nowMs)) / 3_600_000);
  const why = held === null ? 'the clock of its stage stands still' : held.reason;
  const calm = held === null || held.why === 'operator' || held.why === 'verdict';
  return {
    state: { ...state, askedMs: nowMs },
    effects: [
      {
        kind: 'page',
        severity: calm ? 'warning' : 'critical',
        title: `rollout of ${candidate} is still ${what} at ${percent} %, for ${hours} h`,
        text: `${why}. resume goes on, rollback takes users back; by hand: ${rollbackCommand(report?.stable ?? null)}`,
      },
    ],
  };
}
