import type { ExperimentActivities } from '../domain/experiment-contract.ts';
import type { TuningActivities } from '../domain/tuning-contract.ts';
import { SHORT, TELLING, proxiesOf } from './activities.ts';
import type { Late } from './rounds.ts';

/** What an experiment asks of the world, beside what it shares with a rollout. */
export function experimentActivities(
  late?: Late,
): ExperimentActivities & Pick<TuningActivities, 'takeFreeEpoch'> {
  const as = proxiesOf<ExperimentActivities & TuningActivities>(late);
  return {
    readArms: as(SHORT, 'read the arms').readArms,
    takeFreeEpoch: as(SHORT, 'take the fence, unless it is held').takeFreeEpoch,
    writeExperimentReport: as(TELLING, 'write the report').writeExperimentReport,
  };
}
