import { Counter, Gauge, Histogram } from 'prom-client';
import type { AnyLane } from '../../domain/control/state.ts';
import type { LaneName } from '../../domain/control/traffic-split.ts';
import { LATENCY_BOUNDS_SECONDS } from '../../domain/metrics/histogram.ts';
import { ARM_METRICS, GATEWAY_METRICS as NAMES, OVERLAP_DEPTH } from '../../domain/metrics/snapshot.ts';
import type { LaneSelfMetrics, LaneMetricsResponse } from '../../domain/metrics/lane-self-metrics.ts';
import { LANE_LIST_ROWS, LANE_METRICS } from '../../domain/metrics/lane-self-metrics.ts';
import { processRegistry } from '../http/registry.ts';

/** Labels of what gates compare. */
export interface Labels {
  readonly lane: AnyLane;
  readonly release: string;
  readonly kind: string;
}

/** Keys of one lane that are counted one by one; a split is judged long before so many. */
const MOST_KEYS = 500_000;

/** The gateway's metrics, each declared once. Counters live as long as the gateway, whatever becomes of a lane. */
export function createMetrics() {
  const registry = processRegistry();
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers });
  const histogram = (name: string, help: string, more: string[] = []) =>
    new Histogram({
      name,
      help,
      labelNames: ['lane', 'release', 'kind', ...more],
      buckets: [...LATENCY_BOUNDS_SECONDS],
      registers,
    });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers });
  return {
    registry,
    endpoints: counter('gateway_http_requests_total', 'Requests by route and class of their status', [
      'method',
      'route',
      'status',
    ]),
    requests: counter(NAMES.requests, 'Requests by assigned lane', ['lane', 'release', 'kind', 'outcome']),
    served: counter(NAMES.served, 'Answers by the lane that gave them', [
      'lane',
      'release',
      'kind',
      'reason',
    ]),
    userErrors: counter(NAMES.userErrors, 'Server errors that users saw', ['lane', 'release', 'kind']),
    request: histogram(NAMES.request, 'Whole request as the gateway saw it', ['encoded']),
    retrieval: histogram(NAMES.retrieval, 'Predict and search, as the lane measured them'),
    endToEnd: histogram(NAMES.endToEnd, 'Retrieval and reranking'),
    rerank: histogram(NAMES.rerank, 'Reranking'),
    encode: histogram(NAMES.encode, 'Encoding of texts for which the model ran'),
    predict: histogram(NAMES.predict, 'Predicting the next vector'),
    search: histogram(NAMES.search, 'Index search'),
    quality: counter(NAMES.quality, 'Answers with a result of cosine tau or more', [
      'lane',
      'release',
      'kind',
      'hit',
    ]),
    rank1: counter(NAMES.rank1, 'Answers whose rank 1 the reranker changed', [
      'lane',
      'release',
      'kind',
      'changed',
    ]),
    ingested: counter('gateway_ingested_total', 'Changes of the corpus that were acknowledged', ['op']),
    feedback: counter(ARM_METRICS.feedback, 'Feedback, by what became of it', ['outcome']),
    scored: counter('gateway_feedback_scored_total', 'Sampled requests whose feedback was scored', [
      'lane',
      'release',
    ]),
    reciprocalRank: counter(
      'gateway_feedback_reciprocal_rank_total',
      'Sum of 1/rank of what was right; over gateway_feedback_scored_total it is the MRR of that order',
      ['lane', 'release', 'order'],
    ),
    distinctKeys: gauge(NAMES.distinctKeys, 'Distinct request keys since the percent changed', ['lane']),
    laneReady: gauge(NAMES.laneReady, 'Whether the lane answers', ['lane', 'release']),
    laneNotReady: gauge(NAMES.laneNotReady, 'Seconds since the lane was ready', ['lane']),
    breakerOpen: gauge(NAMES.breakerOpen, "Whether the lane's breaker is open", ['lane']),
    laneOwn: Object.entries(LANE_METRICS).map(([field, name]) => ({
      field: field as keyof LaneSelfMetrics,
      gauge: gauge(name, `What the lane counts of itself: ${field}`, ['lane', 'release']),
    })),
    laneListRows: gauge(LANE_LIST_ROWS, 'Rows that this share of the lists of the index has at most', [
      'lane',
      'release',
      'share',
    ]),
    percent: gauge(NAMES.percent, 'Share of users on the candidate, in percent'),
    epoch: gauge(NAMES.epoch, 'Newest epoch'),
    uptime: new Gauge({
      name: NAMES.uptime,
      help: 'How long the gateway has run, by a clock that nobody sets: an old body does not move',
      registers,
      collect() {
        this.set(process.uptime());
      },
    }),
    stateUnsaved: gauge('gateway_state_unsaved', 'Whether the control state in force is not on disk'),
    holderUnseen: gauge(
      'gateway_holder_unseen_seconds',
      "Seconds since the epoch's holder gave a sign of life, while the candidate has users",
    ),
    experiment: gauge(ARM_METRICS.experiment, 'The experiment that runs', ['experiment']),
    armRequests: counter(ARM_METRICS.requests, 'Queries of the experiment by arm', ['arm', 'outcome']),
    armFeedback: counter(ARM_METRICS.armFeedback, 'Feedback by arm and by the rank of the id that it names', [
      'arm',
      'rank',
    ]),
    armKeys: gauge(ARM_METRICS.keys, 'Distinct request keys by arm', ['arm']),
    shadowPercent: gauge(NAMES.shadowPercent, 'Share of all queries that are shadowed, in percent'),
    shadow: counter(NAMES.shadow, 'Queries chosen for the shadow, by what became of them', [
      'release',
      'outcome',
    ]),
    shadowHits: counter(
      NAMES.shadowHits,
      'Shadowed queries, by whose answer had a result of cosine tau or more',
      ['release', 'against', 'hits'],
    ),
    shadowOverlap: new Histogram({
      name: NAMES.shadowOverlap,
      help: "Share of stable's ten best ids among those of the other answer",
      labelNames: ['release', 'against', 'with'],
      buckets: Array.from({ length: OVERLAP_DEPTH + 1 }, (_, i) => i / OVERLAP_DEPTH),
      registers,
    }),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

/** Shows what lanes count of themselves, in the place of what they said before. */
export function showLanes(
  { laneOwn, laneListRows }: Metrics,
  reports: readonly {
    readonly lane: LaneName;
    readonly release: string;
    readonly report: LaneMetricsResponse;
  }[],
): void {
  for (const { gauge } of laneOwn) gauge.reset();
  laneListRows.reset();
  for (const { lane, release, report } of reports) {
    for (const { field, gauge } of laneOwn) {
      const value = report.own[field];
      if (value !== null) gauge.set({ lane, release }, value);
    }
    for (const [share, rows] of Object.entries(report.listRows))
      laneListRows.set({ lane, release, share }, rows);
  }
}

/** Which request keys came to which lane since the percent last changed. */
export class DistinctKeys {
  private readonly keys: Record<LaneName, Set<string>> = { stable: new Set(), candidate: new Set() };

  see(lane: LaneName, key: string): void {
    const keys = this.keys[lane];
    if (keys.size < MOST_KEYS) keys.add(key);
  }

  count(lane: LaneName): number {
    return this.keys[lane].size;
  }

  clear(): void {
    this.keys.stable.clear();
    this.keys.candidate.clear();
  }
}
