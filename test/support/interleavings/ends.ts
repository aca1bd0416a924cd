import type { World } from './world.ts';
import { NEW, OLD } from './world.ts';

/** Throws where outcome and traffic do not agree. */
export function check({ driver: { rollout }, fence, ended, late, asked, standAlone, ghost }: World): void {
  const { percent, lanes, restoring, promoting, lease } = fence;
  if (!(percent >= 0 && percent <= 100)) throw new Error(`${percent} % of the users`);
  if (rollout.percent < 0 || rollout.percent > 100)
    throw new Error(`the rollout thinks of ${rollout.percent} %`);
  if (!ended) return;
  const { outcome } = rollout;
  if (outcome === null) throw new Error('it ended without an outcome');
  // What a rollback beside it has begun, or a lease will do, is still to come.
  const settled = standAlone !== 'begun' && lease === null && promoting === null;
  if (!settled) return;
  if (percent !== 0) throw new Error(`${outcome}, with ${percent} % of the users on the candidate`);
  const isNew = lanes.stable.release === NEW && restoring === null;
  if (outcome === 'shipped' && !ghost.rolledBack && !isNew)
    throw new Error(`shipped, and stable serves ${lanes.stable.release}`);
  if (outcome !== 'shipped' && isNew) throw new Error(`${outcome}, and stable serves ${NEW}`);
  if (lanes.stable.release !== OLD && restoring !== OLD && outcome !== 'shipped')
    throw new Error(`${outcome}, and nobody goes back to ${OLD}`);
  if (late.length === 0 && asked !== null) throw new Error('it ended, and waits for an answer');
}
