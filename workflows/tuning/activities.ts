import type { TuningActivities } from '../../domain/contracts/tuning-activities.ts';
import { HEAVY, SHORT, REPORTING, proxiesOf } from '../runtime/activities.ts';
import type { Late } from '../runtime/rounds.ts';

/** What a tuning asks of the world, beside what it shares with a rollout. */
export function tuningActivities(late?: Late): TuningActivities {
  const as = proxiesOf<TuningActivities>(late);
  return {
    sweepNprobe: as(HEAVY, 'sweep nprobe on the live lane').sweepNprobe,
    fenceHolder: as(SHORT, 'who holds the fence').fenceHolder,
    takeFreeEpoch: as(SHORT, 'take the fence, unless it is held').takeFreeEpoch,
    recordTuning: as(REPORTING, 'write the decision down').recordTuning,
  };
}
