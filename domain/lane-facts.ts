import type { AlertRule } from './alert-rules.ts';
import type { AlertReading } from './alert-standing.ts';
import { few, valueReading } from './alert-standing.ts';
import type { LaneOwn } from './lane-report.ts';

/** What a lane's own /metrics say; sums and counts since its process began. */
export interface LaneFacts {
  /** Start of the process, seconds since 1970: what another process counted says nothing of this one. */
  readonly startSeconds: number;
  /** How long it has run, by its monotonic clock: what does not move is an old body. */
  readonly uptimeSeconds: number;
  /** Rows of the largest and of the median list of the index; null for a flat index. */
  readonly lists: { readonly largest: number; readonly median: number } | null;
  /** Encoded queries that were looked at, and the sum of their norms' distances from 1. */
  readonly norms: { readonly n: number; readonly error: number };
  /** Queries that were compared with an exact search, and their ten best chunks by it: found, and not. */
  readonly recall: { readonly queries: number; readonly found: number; readonly missed: number };
}

/** Names in a lane's own /metrics, beside those of live recall (tuning-need.ts). */
export const LANE_FACTS = {
  startSeconds: 'process_start_time_seconds',
  uptimeSeconds: 'retriever_uptime_seconds',
  /** {quantile}: rows in a list */
  listRows: 'retriever_index_list_rows',
  /** histogram: distance of an encoded query from unit norm */
  normError: 'retriever_encoded_norm_error',
} as const;

/** A rule on what a lane says of itself; `opening` is from the start of the look-back. */
export function gaugeReading(
  rule: AlertRule,
  own: LaneOwn | null,
  facts: LaneFacts | null,
  opening: LaneFacts | null,
): AlertReading {
  switch (rule.metric) {
    case 'memoryGrowth':
      if (own === null) return few('the lane does not say what it counts');
      return own.memoryBaselineBytes === null
        ? few('the baseline is taken 15 minutes after the lane was ready')
        : valueReading(rule, own.memoryBytes / own.memoryBaselineBytes - 1, 1);
    case 'listImbalance':
      if (own === null) return few('the lane does not say what it counts');
      return own.imbalance === null || !own.imbalanceBuilt
        ? few('the index has no lists')
        : valueReading(rule, own.imbalance / own.imbalanceBuilt, 1);
    case 'corpusGrowth':
      if (own === null) return few('the lane does not say what it counts');
      return own.rowsBuilt === 0
        ? few('the release was built without rows')
        : valueReading(rule, own.rows / own.rowsBuilt - 1, 1);
    case 'listSpread':
      if (facts === null) return few('the lane does not answer');
      return facts.lists === null
        ? few('the index has no lists')
        : valueReading(rule, facts.lists.largest / Math.max(1, facts.lists.median), 1);
    case 'normError': {
      if (facts === null || opening === null) return few('the lane does not answer');
      if (facts.startSeconds !== opening.startSeconds) return few('the lane was restarted');
      const n = facts.norms.n - opening.norms.n;
      if (n < rule.minSamples) return few(`${n} of ${rule.minSamples} samples`);
      return valueReading(rule, (facts.norms.error - opening.norms.error) / n, n);
    }
    default:
      return few(`${rule.metric} is not read from lanes`);
  }
}
