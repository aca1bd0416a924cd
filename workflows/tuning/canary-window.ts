import { condition } from '@temporalio/workflow';
import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import { CANARY_LOOKS_MS } from '../../domain/tuning/canary.ts';
import type { LaneName } from '../../domain/control/traffic-split.ts';
import type { LaneWindow } from '../../domain/metrics/window.ts';
import { windowBetween } from '../../domain/metrics/window.ts';

/** How often a window that was reset, as by the gateway's restart, is opened again at most. */
const RESETS = 3;

/**
 * A window on the gateway's counters, looked at again and again until `judge` has an answer. Null where it has none at
 * the last look, or where `stopped` became true. Both ends are activities, so the window survives the worker.
 */
export async function watchWindow<T>(
  { snapshot }: Pick<RolloutActivities, 'snapshot'>,
  lane: LaneName,
  stopped: () => boolean,
  judge: (window: LaneWindow | null) => T | null,
): Promise<T | null> {
  let opening = await snapshot();
  let openedMs = Date.now();
  let resets = 0;
  for (let look = 0; look < CANARY_LOOKS_MS.length; look++) {
    const dueMs = openedMs + (CANARY_LOOKS_MS[look] ?? 0);
    if (
      await condition(stopped, Math.max(1, dueMs - Date.now()), { summary: `look ${look + 1} at the lane` })
    )
      return null;
    const closing = await snapshot();
    const result = windowBetween(opening, closing);
    if (result.kind === 'window') {
      const answer = judge(result.window[lane]);
      if (answer !== null) return answer;
    } else if (result.kind === 'reset' && resets < RESETS) {
      [opening, openedMs, look] = [closing, Date.now(), -1];
      resets++;
    } else if (opening.kind === 'missing') opening = closing;
  }
  return null;
}
