import type { LaneOwn } from './lane-report.ts';
import type { LaneName } from './split.ts';

/** Names of the gateway's metrics that gates read; labels in the comments. Prometheus conventions: seconds, _total. */
export const GATEWAY_METRICS = {
  /** {lane: assigned, release, kind, outcome: ok|error|warming|client_error|aborted|synthetic}; a time-out is an error */
  requests: 'gateway_requests_total',
  /** {lane: served, release, kind, reason: assigned|fallback} */
  served: 'gateway_served_total',
  /** {kind}: 5xx that a user saw */
  userErrors: 'gateway_user_errors_total',
  /** {lane: assigned, release, kind}: whole request as the gateway saw it; a time-out counts at its deadline */
  request: 'gateway_request_seconds',
  /** {lane, release, kind}: predict + search as the lane reports them; a time-out counts at its deadline */
  retrieval: 'gateway_retrieval_seconds',
  /** {lane, release, kind}: retrieval + rerank */
  endToEnd: 'gateway_end_to_end_seconds',
  rerank: 'gateway_rerank_seconds',
  encode: 'gateway_encode_seconds',
  predict: 'gateway_predict_seconds',
  search: 'gateway_search_seconds',
  /** {lane, release, kind, hit: yes|no} */
  quality: 'gateway_quality_proxy_total',
  /** {lane, release, kind, changed: yes|no} */
  rank1: 'gateway_rerank_rank1_total',
  /** {lane}: gauge, distinct request keys since the percent last changed */
  distinctKeys: 'gateway_distinct_keys',
  /** {lane, release}: gauge 0|1; names the release a lane serves now, so that counters of an earlier one are left out */
  laneReady: 'gateway_lane_ready',
  /** {lane}: gauge, seconds since the lane was last ready, 0 while it is */
  laneNotReady: 'gateway_lane_not_ready_seconds',
  /** {lane}: gauge 0|1 */
  breakerOpen: 'gateway_breaker_open',
  /** gauge, 0..100 */
  percent: 'gateway_canary_percent',
  /** gauge */
  epoch: 'gateway_epoch',
} as const;

/** Upper bounds in seconds: 5 % apart from 0.25 ms to 50 ms with the runbook's limits (2, 8, 10, 20 ms) among them, then coarse. */
export const LATENCY_BOUNDS_SECONDS: readonly number[] = latencyBounds();

function latencyBounds(): number[] {
  const limits = [0.002, 0.008, 0.01, 0.02];
  const bounds = new Set(limits);
  for (let bound = 0.000_25; bound < 0.05; bound *= 1.05) {
    bounds.add(Number(bound.toPrecision(4)));
  }
  for (const coarse of [0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2, 5]) bounds.add(coarse);
  return [...bounds].toSorted((a, b) => a - b);
}

/** A latency histogram: `counts[i]` requests were at most `boundsMs[i]` and above the bound before; the last entry of `counts` is above all bounds. */
export interface Histogram {
  readonly boundsMs: readonly number[];
  readonly counts: readonly number[];
}

/** Cumulative counters of one lane, requests of kind `context` only. `requests` are judged ones: ok + error. */
export interface LaneCounters {
  readonly release: string;
  readonly requests: number;
  readonly errors: number;
  readonly warming: number;
  readonly retrieval: Histogram;
  readonly endToEnd: Histogram;
  readonly rerank: Histogram;
  readonly quality: { readonly hits: number; readonly total: number };
  readonly rank1: { readonly changed: number; readonly total: number };
  /** Since the percent last changed; a gauge, not a counter. */
  readonly distinctKeys: number;
  readonly notReadySeconds: number;
  readonly breakerOpen: boolean;
  /** What the lane counts of itself, all kinds of requests; null while it does not answer, absent in histories from before. */
  readonly own?: LaneOwn | null;
}

/** The gateway's counters at one moment. A window is the difference of two with the same `processStartMs`. */
export interface Snapshot {
  readonly takenAtMs: number;
  readonly processStartMs: number;
  readonly percent: number;
  readonly epoch: number;
  readonly lanes: { readonly [lane in LaneName]: LaneCounters | null };
}

/** What the metrics source answers: a snapshot, or why there is none. */
export type SnapshotResult =
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly kind: 'missing'; readonly reason: string };
