import type { SourceClock } from './source-clock.ts';
import { STANDS_STILL, windowClock } from './source-clock.ts';

/**
 * What a lane counts of itself, since its process began. Flat numbers in base units, as they travel from the lane to the
 * gateway, through its /metrics, and into a snapshot.
 */
export interface LaneSelfMetrics {
  /** Start of the process, seconds since 1970: what another process counted says nothing of this one. */
  readonly startSeconds: number;
  /** How long that process has run, by its monotonic clock: an answer that does not move is an old one. */
  readonly uptimeSeconds: number;
  /** Answers to users' searches, and those of them without any result. */
  readonly answers: number;
  readonly emptyAnswers: number;
  /** Answers that were looked at closely. */
  readonly inspected: number;
  /** Summed over them: the share of their candidates that nearly repeat a better one; and the sum of its squares. */
  readonly duplicateShares: number;
  readonly duplicateShareSquares: number;
  /** Encoded queries among them, and the sum of their norms' distances from 1. */
  readonly norms: number;
  readonly normErrors: number;
  /** Users' queries that were compared with an exact search, and their ten best chunks by it: found, and not. */
  readonly recallQueries: number;
  readonly recallFound: number;
  readonly recallMissed: number;
  /** Texts whose vector was there already, and texts for which the model ran. */
  readonly textsCached: number;
  readonly textsEncoded: number;
  readonly memoryBytes: number;
  /** The same 15 minutes after the lane was ready; null before. */
  readonly memoryBaselineBytes: number | null;
  /** FAISS's imbalance factor of the lists, now and as the release was built; null for a flat index. */
  readonly imbalance: number | null;
  readonly imbalanceBuilt: number | null;
  /** Rows of the largest and of the median list; null for a flat index. */
  readonly largestList: number | null;
  readonly medianList: number | null;
  /** Rows that can be found, now and as the manifest has them. */
  readonly rows: number;
  readonly rowsBuilt: number;
}

/** Answer of a lane's `GET /counters`. */
export interface LaneMetricsResponse {
  readonly own: LaneSelfMetrics;
  /** Rows in a list, by quantile of the lists. */
  readonly listRows: Readonly<Record<string, number>>;
}

/** A lane's own counters of live recall: 0.1 % of its users' queries, compared with an exact search off their path. */
export const LANE_RECALL = {
  /** queries that were compared */
  queries: 'retriever_recall_queries_total',
  /** {found: yes|no}: their ten best chunks by the exact search */
  neighbours: 'retriever_recall_neighbours_total',
} as const;

/** Their names in the gateway's metrics; {lane, release}: gauges, which are absent while the lane does not answer. */
export const LANE_METRICS: Readonly<Record<keyof LaneSelfMetrics, string>> = {
  startSeconds: 'gateway_lane_start_time_seconds',
  uptimeSeconds: 'gateway_lane_uptime_seconds',
  answers: 'gateway_lane_answers',
  emptyAnswers: 'gateway_lane_empty_answers',
  inspected: 'gateway_lane_inspected_answers',
  duplicateShares: 'gateway_lane_near_duplicate_shares',
  duplicateShareSquares: 'gateway_lane_near_duplicate_share_squares',
  norms: 'gateway_lane_encoded_norms',
  normErrors: 'gateway_lane_encoded_norm_errors',
  recallQueries: 'gateway_lane_recall_queries',
  recallFound: 'gateway_lane_recall_found',
  recallMissed: 'gateway_lane_recall_missed',
  textsCached: 'gateway_lane_texts_cached',
  textsEncoded: 'gateway_lane_texts_encoded',
  memoryBytes: 'gateway_lane_memory_bytes',
  memoryBaselineBytes: 'gateway_lane_memory_baseline_bytes',
  imbalance: 'gateway_lane_list_imbalance',
  imbalanceBuilt: 'gateway_lane_list_imbalance_built',
  largestList: 'gateway_lane_largest_list_rows',
  medianList: 'gateway_lane_median_list_rows',
  rows: 'gateway_lane_index_rows',
  rowsBuilt: 'gateway_lane_index_rows_built',
};

/** Those that may be null. */
export const MAY_BE_NULL: readonly (keyof LaneSelfMetrics)[] = [
  'memoryBaselineBytes',
  'imbalance',
  'imbalanceBuilt',
  'largestList',
  'medianList',
];

/** {lane, release, share}: gauge, rows that this share (0..1) of the lists of the index has at most. */
export const LANE_LIST_ROWS = 'gateway_lane_list_rows';
const QUANTILES = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1] as const;

/** Sizes of lists by quantile, the smallest (0) and the largest (1) among them; empty for a flat index. */
export function listRowsByQuantile(listSizes: readonly number[]): Record<string, number> {
  const sizes = listSizes.toSorted((a, b) => a - b);
  if (sizes.length === 0) return {};
  const at = (quantile: number) => sizes[Math.floor(quantile * (sizes.length - 1))] ?? 0;
  return Object.fromEntries(QUANTILES.map((quantile) => [String(quantile), at(quantile)]));
}

/** What happened to a lane between two looks at it. */
export type OwnWindow =
  | { readonly kind: 'window'; readonly before: LaneSelfMetrics; readonly after: LaneSelfMetrics }
  | {
      readonly kind: 'missing';
      readonly cause: 'silent' | 'restarted' | 'standsStill';
      readonly reason: string;
    };

/** Whether the window has to start again: a longer one has the restart in it too. */
export function wasRestarted(own: OwnWindow): boolean {
  return own.kind === 'missing' && own.cause === 'restarted';
}

/** The lane's own clock. */
export function clockOf({
  startSeconds,
  uptimeSeconds,
}: Pick<LaneSelfMetrics, 'startSeconds' | 'uptimeSeconds'>): SourceClock {
  return { processStartMs: startSeconds * 1000, uptimeMs: uptimeSeconds * 1000 };
}

/**
 * What the lane counted between two looks that lie `tookMs` apart by the gateway's clock. A lane that is down says nothing, a
 * restart resets the counters, and a lane that stands still repeats old ones: none of this is zero.
 */
export function ownBetween(
  before: LaneSelfMetrics | null,
  after: LaneSelfMetrics | null,
  tookMs: number,
): OwnWindow {
  if (after === null || before === null)
    return { kind: 'missing', cause: 'silent', reason: 'the lane did not say what it counts' };
  if (after.startSeconds !== before.startSeconds)
    return { kind: 'missing', cause: 'restarted', reason: 'the lane was restarted within the window' };
  const clock = windowClock(clockOf(before), clockOf(after), tookMs);
  if (clock !== 'even') return { kind: 'missing', cause: 'standsStill', reason: STANDS_STILL };
  return { kind: 'window', before, after };
}
