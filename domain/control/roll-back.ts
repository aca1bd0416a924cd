import type { Rollback } from './change.ts';
import type { World } from './command-result.ts';
import { intervene } from './command-result.ts';
import { releaseBefore } from './rollback-target.ts';
import type { ControlState } from './state.ts';

/** So many rollbacks are remembered; a call is repeated within minutes. */
const REMEMBERED_ROLLBACKS = 20;

/** The state after a rollback, which takes the next epoch; the same state where its key was carried out before. */
export function rollBack(state: ControlState, rollback: Rollback, world: World, nowMs: number): ControlState {
  const { key, by, reason, owner } = rollback;
  if (state.rollbacks.some((done) => done.key === key)) return state;
  const to = rollback.to ?? releaseBefore(state);
  const epoch = state.epoch + 1;
  const next: ControlState = {
    ...usersBack(state, to, world),
    epoch,
    owner: owner ?? by,
    epochKey: key,
    steps: [],
    rollbacks: [...state.rollbacks, { key, to, epoch }].slice(-REMEMBERED_ROLLBACKS),
    changedAtMs: nowMs,
    changedBy: by,
  };
  if (owner !== undefined) return next;
  const what = `rollback to ${to}${reason === undefined ? '' : ` (${reason})`}`;
  return intervene(next, state, { kind: 'byHand', by, atMs: nowMs, what });
}

/** Users back to a release: at once where a lane with it is warm, else `restoring` until the spare lane is. */
function usersBack(before: ControlState, to: string, world: World): ControlState {
  const spare = before.restoring === null ? before.lanes.spare : null;
  const state: ControlState = {
    ...before,
    percent: 0,
    lease: null,
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
  return { ...state, restoring: to, lanes: { ...state.lanes, spare: { release: to, flags: null } } };
}
