import type { ExperimentActivities } from '../../domain/contracts/experiment-activities.ts';
import type { TuningActivities } from '../../domain/contracts/tuning-activities.ts';
import { SHORT, REPORTING, proxiesOf } from '../runtime/activities.ts';
import type { Late } from '../runtime/rounds.ts';

/** What an experiment asks of the world, beside what it shares with a rollout. */
export function experimentActivities(
  late?: Late,
): ExperimentActivities & Pick<TuningActivities, 'takeFreeEpoch'> {
  const as = proxiesOf<ExperimentActivities & TuningActivities>(late);
  return {
    readArms: as(SHORT, 'read the arms').readArms,
    takeFreeEpoch: as(SHORT, 'take the fence, unless it is held').takeFreeEpoch,
    writeExperimentReport: as(REPORTING, 'write the report').writeExperimentReport,
  };
}
