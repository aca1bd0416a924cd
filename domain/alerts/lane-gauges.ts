import type { AlertRule } from './rules.ts';
import type { AlertReading } from './threshold.ts';
import { few, unseen, valueReading } from './threshold.ts';
import type { LaneSelfMetrics } from '../metrics/lane-self-metrics.ts';

/** What a lane of which nothing is known says. */
export const SILENT_LANE = 'the lane does not say what it counts';

/** A rule on what a lane says of itself; `opening` is from the start of the look-back. */
export function gaugeReading(
  rule: AlertRule,
  own: LaneSelfMetrics | null,
  opening: Pick<LaneSelfMetrics, 'startSeconds' | 'norms' | 'normErrors'> | null,
): AlertReading {
  if (own === null) return unseen(SILENT_LANE);
  switch (rule.metric) {
    case 'memoryGrowth':
      return own.memoryBaselineBytes === null
        ? few('the baseline is taken 15 minutes after the lane was ready')
        : valueReading(rule, own.memoryBytes / own.memoryBaselineBytes - 1, 1);
    case 'listImbalance':
      return own.imbalance === null || !own.imbalanceBuilt
        ? few('the index has no lists')
        : valueReading(rule, own.imbalance / own.imbalanceBuilt, 1);
    case 'corpusGrowth':
      return own.rowsBuilt === 0
        ? few('the release was built without rows')
        : valueReading(rule, own.rows / own.rowsBuilt - 1, 1);
    case 'listSpread':
      return own.largestList === null || own.medianList === null
        ? few('the index has no lists')
        : valueReading(rule, own.largestList / Math.max(1, own.medianList), 1);
    case 'normError': {
      if (opening === null) return unseen('the lane has just begun to say what it counts');
      if (own.startSeconds !== opening.startSeconds) return unseen('the lane was restarted');
      const n = own.norms - opening.norms;
      if (n < rule.minSamples) return few(`${n} of ${rule.minSamples} samples`);
      return valueReading(rule, (own.normErrors - opening.normErrors) / n, n);
    }
    default:
      return few(`${rule.metric} is not read from lanes`);
  }
}
