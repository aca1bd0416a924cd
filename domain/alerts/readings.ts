import type { EvaluationsResult } from './evaluations.ts';
import type { AlertRule } from './rules.ts';
import type { AlertReading } from './threshold.ts';
import { few, fewSamples, unseen, valueReading } from './threshold.ts';
import type { Flags } from '../control/state.ts';
import { SILENT_LANE } from './lane-gauges.ts';
import type { LaneSelfMetrics } from '../metrics/lane-self-metrics.ts';
import { metricValue } from '../core/metric-value.ts';
import type { LaneName } from '../control/traffic-split.ts';
import type { Histogram } from '../metrics/histogram.ts';
import type { LaneCounters, Snapshot, SnapshotResult } from '../metrics/snapshot.ts';
import { quantileMs, since, total } from '../metrics/histogram.ts';
import { isP95Over } from '../metrics/p95-limit.ts';

/** Which release a lane serves to users, and who changes that now. */
export interface ServingContext {
  readonly stable: string;
  readonly candidate: string | null;
  /** The rollout that holds the epoch; null where a rollback, a hand or nobody does. */
  readonly run: { readonly workflowId: string; readonly runId: string } | null;
  /** Effective; null where the lane does not run. */
  readonly flags: Readonly<Record<LaneName, Flags | null>>;
  /** Share of queries with a result above tau that the lane's release promises; null where that is not known. */
  readonly expectedShare: Readonly<Record<LaneName, number | null>>;
}

/** What the monitor sees at one moment. */
export interface AlertPoll {
  readonly snapshot: SnapshotResult;
  /** Null where the control listener did not answer. */
  readonly scene: ServingContext | null;
  readonly evaluations: EvaluationsResult;
}

/** A snapshot cut down to what rules look at. */
export interface CounterSample {
  readonly atMs: number;
  readonly processStartMs: number;
  readonly lanes: Readonly<Record<LaneName, LaneMark | null>>;
}
interface LaneMark extends Pick<LaneCounters, 'release' | 'requests' | 'errors' | 'rank1'> {
  readonly retrieval: Histogram;
  readonly endToEnd: Histogram;
  readonly rerank: Histogram;
  readonly quality: LaneCounters['quality'];
  readonly own: LaneMarkOwn | null;
}

/** What the lane's process has summed up since it began. */
type LaneMarkOwn = Pick<
  LaneSelfMetrics,
  'startSeconds' | 'inspected' | 'duplicateShares' | 'norms' | 'normErrors'
>;

/** As the guard: such a lane answers nobody, which is a breach and not missing data. */
const NOT_READY_SECONDS = 30;
/** One answer in so many is looked at closely by its lane. */
const INSPECTED_EVERY = 100;

export function markOf({ processStartMs, lanes }: Snapshot, nowMs: number): CounterSample {
  const lane = (counters: LaneCounters | null): LaneMark | null =>
    counters === null
      ? null
      : {
          release: counters.release,
          requests: counters.requests,
          errors: counters.errors,
          rank1: counters.rank1,
          retrieval: counters.retrieval,
          endToEnd: counters.endToEnd,
          rerank: counters.rerank,
          quality: counters.quality,
          own: markedOf(counters.own),
        };
  return {
    atMs: nowMs,
    processStartMs,
    lanes: { stable: lane(lanes.stable), candidate: lane(lanes.candidate) },
  };
}

function markedOf(own: LaneSelfMetrics | null): LaneMarkOwn | null {
  if (own === null) return null;
  const { startSeconds, inspected, duplicateShares, norms, normErrors } = own;
  return { startSeconds, inspected, duplicateShares, norms, normErrors };
}

/** The lane's counters where it has users; at 0 % the candidate has none, at 100 % stable has none. */
export function laneWithUsers({ percent, lanes }: Snapshot, lane: LaneName): LaneCounters | null {
  const hasUsers = lane === 'stable' ? percent < 100 : percent > 0;
  return hasUsers ? lanes[lane] : null;
}

/** The lane at the start of the look-back, or as long ago as it is known; null where only the newest mark knows it. */
export function openingOf(
  { lookBackMs }: AlertRule,
  lane: LaneName,
  release: string,
  marks: readonly CounterSample[],
  nowMs: number,
): LaneMark | null {
  const started = marks.at(-1)?.processStartMs;
  // Counters of one gateway process and of one release; either one resets them.
  const same = marks
    .slice(0, -1)
    .filter(({ processStartMs, lanes }) => processStartMs === started && lanes[lane]?.release === release);
  return (same.findLast(({ atMs }) => atMs <= nowMs - lookBackMs) ?? same[0])?.lanes[lane] ?? null;
}

/** A lane over the look-back that ends with the newest mark, which is one of `now`. */
export function windowReading(
  rule: AlertRule,
  lane: LaneName,
  now: LaneCounters,
  marks: readonly CounterSample[],
  nowMs: number,
  scene: ServingContext | null = null,
): AlertReading {
  const opening = openingOf(rule, lane, now.release, marks, nowMs);
  const down = now.breakerOpen || now.notReadySeconds > NOT_READY_SECONDS;
  if (opening === null) {
    const none = unseen('no window yet: the counters have just begun');
    return down && rule.metric === 'errorRate' ? { ...none, standing: 'breach' } : none;
  }
  const answers = now.requests - now.errors - (opening.requests - opening.errors);
  const reranked = scene?.flags[lane]?.reranker === 'off' ? 0 : answers;
  switch (rule.metric) {
    case 'errorRate': {
      const [errors, n] = [now.errors - opening.errors, now.requests - opening.requests];
      const reading = shareReading(rule, errors, n, 0);
      return down ? { ...reading, standing: 'breach' } : reading;
    }
    case 'rerankerAcceptance':
      return shareReading(
        rule,
        now.rank1.changed - opening.rank1.changed,
        now.rank1.total - opening.rank1.total,
        reranked,
      );
    case 'retrievalP95':
      return latencyReading(rule, since(opening.retrieval, now.retrieval), answers);
    case 'endToEndP95':
      return latencyReading(rule, since(opening.endToEnd, now.endToEnd), answers);
    case 'rerankP95':
      return latencyReading(rule, since(opening.rerank, now.rerank), reranked);
    case 'qualityShortfall': {
      const expected = scene?.[lane] === now.release ? scene.expectedShare[lane] : null;
      if (expected === null) return unseen('what the release promises is not known');
      const n = now.quality.total - opening.quality.total;
      if (n < rule.minSamples) return fewSamples(rule, n, answers);
      return valueReading(rule, expected - (now.quality.hits - opening.quality.hits) / n, n);
    }
    case 'nearDuplicates':
      return duplicatesReading(rule, now.own, opening.own, answers / INSPECTED_EVERY);
    default:
      return few(`${rule.metric} is not read from counters`);
  }
}

function duplicatesReading(
  rule: AlertRule,
  now: LaneMarkOwn | null,
  opening: LaneMarkOwn | null,
  expected: number,
): AlertReading {
  if (now === null || opening === null) return unseen(SILENT_LANE);
  if (now.startSeconds !== opening.startSeconds) return unseen('the lane was restarted');
  const n = now.inspected - opening.inspected;
  if (n < rule.minSamples) return fewSamples(rule, n, expected);
  return valueReading(rule, (now.duplicateShares - opening.duplicateShares) / n, n);
}

function latencyReading(rule: AlertRule, histogram: Histogram, expected: number): AlertReading {
  const n = total(histogram);
  if (n < rule.minSamples) return fewSamples(rule, n, expected);
  return {
    standing: isP95Over(histogram, rule.limit) ? 'breach' : 'clear',
    measured: metricValue(quantileMs(histogram, 0.95) ?? Number.NaN, n, 'P95'),
  };
}

function shareReading(rule: AlertRule, hits: number, n: number, expected: number): AlertReading {
  if (n < rule.minSamples) return fewSamples(rule, n, expected);
  return valueReading(rule, hits / n, n);
}
