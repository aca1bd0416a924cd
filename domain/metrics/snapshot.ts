import type { Histogram } from './histogram.ts';
import { EMPTY } from './histogram.ts';
import type { LaneSelfMetrics } from './lane-self-metrics.ts';
import type { LaneName } from '../control/traffic-split.ts';

/** Names of the gateway's metrics that gates read; labels in the comments. Prometheus conventions: seconds, _total. */
export const GATEWAY_METRICS = {
  /** {lane: assigned, release, kind, outcome: ok|error|warming|client_error|aborted|synthetic}; a time-out is an error */
  requests: 'gateway_requests_total',
  /** {lane: served, release, kind, reason: assigned|fallback} */
  served: 'gateway_served_total',
  /** {lane: assigned, release, kind}: 5xx that a user saw; without a lane where the gateway itself had too much to do */
  userErrors: 'gateway_user_errors_total',
  /** {lane: assigned, release, kind, encoded: yes|no}: whole request as the gateway saw it; a time-out counts at its deadline */
  request: 'gateway_request_seconds',
  /** {lane, release, kind}: predict + search as the lane reports them; a time-out counts at its deadline */
  retrieval: 'gateway_retrieval_seconds',
  /** {lane, release, kind}: retrieval + rerank */
  endToEnd: 'gateway_end_to_end_seconds',
  rerank: 'gateway_rerank_seconds',
  /** {lane, release, kind}: texts for which the model ran */
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
  /** gauge, read at each scrape: how long the gateway has run, by its monotonic clock. What does not move is an old body. */
  uptime: 'gateway_uptime_seconds',
  /** gauge, 0..100: share of all queries that are shadowed */
  shadowPercent: 'gateway_shadow_percent',
  /** {release: of the candidate, outcome: compared|dropped|failed} */
  shadow: 'gateway_shadow_total',
  /** {release, against: stable's release, hits: both|stable|candidate|none}: whose answer to the same query had a result of cosine tau */
  shadowHits: 'gateway_shadow_hits_total',
  /** {release, against, with: candidate|self}: share of stable's ten best ids that the candidate, or stable asked again, has among its ten best */
  shadowOverlap: 'gateway_shadow_overlap',
} as const;

/** What an experiment reads; no gate needs it. */
export const ARM_METRICS = {
  /** {outcome}: feedback, by what became of it */
  feedback: 'gateway_feedback_total',
  /** {arm: on|off, outcome: ok|error}: queries with a context, by whether they were reranked; of the experiment that runs, or ran last */
  requests: 'gateway_arm_requests_total',
  /** {arm, rank: 1..10|none}: feedback on them, by the rank that the named id had */
  armFeedback: 'gateway_arm_feedback_total',
  /** {arm}: gauge, distinct request keys */
  keys: 'gateway_arm_keys',
  /** {experiment}: gauge 0|1; names the experiment that the arms are of */
  experiment: 'gateway_experiment',
} as const;

/** Kinds of queries that a lane answers. The label `kind` may be another: `unknown`, where nobody could read the query. */
export const QUERY_KINDS = ['context', 'text', 'vector'] as const;

/** Cumulative counters of one kind of queries on one lane. `requests` are judged ones: ok + error. */
export interface KindCounters {
  readonly requests: number;
  readonly errors: number;
  readonly retrieval: Histogram;
  readonly endToEnd: Histogram;
  /** Of texts for which the model ran: what a cache answers takes no time. */
  readonly encode: Histogram;
  /** Whole requests, as the gateway saw them: those without a run of the model, and those with one. */
  readonly request: Histogram;
  readonly encodedRequest: Histogram;
}

/** Cumulative counters of one lane over all kinds of queries. `requests` are judged ones: ok + error. */
export interface LaneCounters {
  readonly release: string;
  readonly requests: number;
  readonly errors: number;
  readonly warming: number;
  readonly retrieval: Histogram;
  readonly endToEnd: Histogram;
  readonly rerank: Histogram;
  /** By the label `kind`; one that has not come has no entry. */
  readonly kinds: Readonly<Record<string, KindCounters>>;
  /** Of queries with a context, which alone use a predictor: what a release promises is of them. */
  readonly quality: { readonly hits: number; readonly total: number };
  readonly rank1: { readonly changed: number; readonly total: number };
  /** Since the percent last changed; a gauge, not a counter. */
  readonly distinctKeys: number;
  readonly notReadySeconds: number;
  readonly breakerOpen: boolean;
  /** What the lane counts of itself, all kinds of requests; null while it does not answer. */
  readonly own: LaneSelfMetrics | null;
}

/** What a lane's counters of requests are before the first one. */
export const NO_REQUESTS = {
  requests: 0,
  errors: 0,
  warming: 0,
  retrieval: EMPTY,
  endToEnd: EMPTY,
  rerank: EMPTY,
  kinds: {},
  quality: { hits: 0, total: 0 },
  rank1: { changed: 0, total: 0 },
} as const satisfies Partial<LaneCounters>;

/** Overlap@10 is a number of tenths. */
export const OVERLAP_DEPTH = 10;

/** Queries that both lanes answered, compared one by one; cumulative, for this pair of releases. */
export interface ShadowCounters {
  readonly release: string;
  readonly against: string;
  readonly both: number;
  readonly onlyStable: number;
  readonly onlyCandidate: number;
  readonly neither: number;
  /** `overlap[i]` queries had i of stable's ten best ids among the candidate's ten best. */
  readonly overlap: readonly number[];
  /** The same of stable and stable asked again: the noise floor. */
  readonly selfOverlap: readonly number[];
}

/** Requests of every kind that were assigned to the candidate; cumulative, for this release. */
export interface ExposureCounters {
  readonly release: string;
  readonly requests: number;
  /** Answered by stable in its place, or not at all. */
  readonly failed: number;
  /** Those whose users got a server error. */
  readonly seen: number;
}

/** The gateway's counters at one moment. A window is the difference of two with the same `processStartMs`. */
export interface Snapshot {
  readonly takenAtMs: number;
  readonly processStartMs: number;
  /** How long the gateway had run, by its own monotonic clock: the proof that this is no old body. */
  readonly uptimeMs: number;
  readonly percent: number;
  readonly epoch: number;
  readonly lanes: { readonly [lane in LaneName]: LaneCounters | null };
  /** Null while no queries are shadowed. */
  readonly shadow: ShadowCounters | null;
  /** Null without a candidate lane. */
  readonly touched: ExposureCounters | null;
}

/** What the metrics source answers: a snapshot, or why there is none. */
export type SnapshotResult =
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly kind: 'missing'; readonly reason: string };
