import type { ControlState } from './state.ts';
import type { Command } from './apply-command.ts';

/**
 * Whether the state after a command may be acted on although it could not be written: where it is safer for users than
 * what is on disk, a disk that is full must not keep them where they are. What brings the candidate a user more, or keeps
 * it one longer, needs the disk first.
 */
export function isSafeUnpersisted(before: ControlState, after: ControlState, command: Command): boolean {
  if (exposesMore(before, after, command)) return false;
  return (
    after.percent < before.percent ||
    isRollback(command) ||
    // Who comes to roll back is let in; anyone else has to see his epoch kept.
    (command.kind === 'takeEpoch' && command.body.unsaved === 'accepted') ||
    (before.lease !== null && after.lease === null) ||
    (before.experiment !== null && after.experiment === null) ||
    // A mere sign of life: a disk that is full does not make a holder absent.
    (command.kind === 'renewLease' && after.lease === before.lease)
  );
}

/** Whether a user may be served by something that he was not served by before, other than by a rollback. */
function exposesMore(before: ControlState, after: ControlState, command: Command): boolean {
  const { stable, candidate } = after.lanes;
  const otherStable = stable !== before.lanes.stable;
  return (
    after.percent > before.percent ||
    (after.percent > 0 && candidate !== before.lanes.candidate) ||
    (otherStable && !isRollback(command)) ||
    // Back to the candidate is a promotion by another name.
    (otherStable && stable.release === before.lanes.candidate?.release) ||
    (after.promoting !== null && after.promoting !== before.promoting) ||
    (after.experiment !== null && after.experiment !== before.experiment)
  );
}

function isRollback({ kind }: Command): boolean {
  return kind === 'spareReady' || kind === 'rollback';
}
