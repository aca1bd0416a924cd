import type { AlertMetric, AlertRule } from './alert-rules.ts';
import { ALERT_METRICS } from './alert-rules.ts';
import type { Flags } from './control.ts';
import type { Measured } from './measured.ts';
import { measured, missing } from './measured.ts';
import type { LaneName } from './split.ts';
import type { Histogram, LaneCounters, Snapshot, SnapshotResult } from './telemetry.ts';
import { quantileMs, slowerThan, total } from './window.ts';

/** Which release a lane serves to users, and who changes that now. */
export interface AlertScene {
  readonly stable: string;
  readonly candidate: string | null;
  /** The rollout that holds the epoch; null where a rollback, a hand or nobody does. */
  readonly run: { readonly workflowId: string; readonly runId: string } | null;
  /** Effective; null where the lane does not run. */
  readonly flags: Readonly<Record<LaneName, Flags | null>>;
}

/** One clean evaluation of a release; shares 0..1. */
export interface EvaluationRecord {
  readonly atMs: number;
  readonly release: string;
  readonly queries: number;
  readonly rAt5: number;
  /** R@5 that the release's own metrics.json promises; null where it does not say. */
  readonly expectedRAt5: number | null;
  readonly containAt50: number;
  /** R@5 after reranking minus R@5 before; null where only one of them was measured. */
  readonly rerankLift: number | null;
}

export type EvaluationsResult =
  /** Oldest first. */
  | { readonly kind: 'evaluations'; readonly records: readonly EvaluationRecord[] }
  | { readonly kind: 'missing'; readonly reason: string };

/** What the monitor sees at one moment. */
export interface AlertPoll {
  readonly snapshot: SnapshotResult;
  /** Null where the control listener did not answer. */
  readonly scene: AlertScene | null;
  readonly evaluations: EvaluationsResult;
}

/** A snapshot cut down to what rules look at: bounds are the same in all of them. */
export interface Mark {
  readonly atMs: number;
  readonly processStartMs: number;
  readonly lanes: Readonly<Record<LaneName, LaneMark | null>>;
}
interface LaneMark extends Pick<LaneCounters, 'release' | 'requests' | 'errors' | 'rank1'> {
  readonly retrieval: readonly number[];
  readonly endToEnd: readonly number[];
}

/** One lane under one rule at one moment. */
export interface AlertReading {
  readonly standing: 'breach' | 'clear' | 'few';
  readonly measured: Measured;
}

const DAY_MS = 24 * 3_600_000;
const MEDIAN_OVER_MS = 7 * DAY_MS;
const MEDIAN_AT_LEAST = 3;
const DIP_OVER_MS = 56 * DAY_MS;
/** As the guard: such a lane answers nobody, which is a breach and not missing data. */
const NOT_READY_SECONDS = 30;
/** Shares and their limits are decimals: 0.80 - 0.75 is a little more than 0.05. */
const HAIR = 1e-9;

export function markOf({ processStartMs, lanes }: Snapshot, nowMs: number): Mark {
  const lane = (counters: LaneCounters | null): LaneMark | null =>
    counters === null
      ? null
      : {
          release: counters.release,
          requests: counters.requests,
          errors: counters.errors,
          rank1: counters.rank1,
          retrieval: counters.retrieval.counts,
          endToEnd: counters.endToEnd.counts,
        };
  return {
    atMs: nowMs,
    processStartMs,
    lanes: { stable: lane(lanes.stable), candidate: lane(lanes.candidate) },
  };
}

/** The lane's counters where it has users; at 0 % the candidate has none, at 100 % stable has none. */
export function laneWithUsers({ percent, lanes }: Snapshot, lane: LaneName): LaneCounters | null {
  const hasUsers = lane === 'stable' ? percent < 100 : percent > 0;
  return hasUsers ? lanes[lane] : null;
}

/** A lane over the look-back that ends with the newest mark, which is one of `now`. */
export function windowReading(
  rule: AlertRule,
  lane: LaneName,
  now: LaneCounters,
  marks: readonly Mark[],
  nowMs: number,
): AlertReading {
  const started = marks.at(-1)?.processStartMs;
  // Counters of one gateway process and of one release; they begin anew with either.
  const same = marks.filter(
    ({ processStartMs, lanes }) => processStartMs === started && lanes[lane]?.release === now.release,
  );
  const opening = (same.findLast(({ atMs }) => atMs <= nowMs - rule.lookBackMs) ?? same[0])?.lanes[lane];
  if (opening === null || opening === undefined) return few('no window yet');
  const down = now.breakerOpen || now.notReadySeconds > NOT_READY_SECONDS;
  switch (rule.metric) {
    case 'errorRate': {
      const [errors, n] = [now.errors - opening.errors, now.requests - opening.requests];
      const reading = shareReading(rule, errors, n);
      return down ? { ...reading, standing: 'breach' } : reading;
    }
    case 'rerankerAcceptance':
      return shareReading(
        rule,
        now.rank1.changed - opening.rank1.changed,
        now.rank1.total - opening.rank1.total,
      );
    case 'retrievalP95':
      return latencyReading(rule, since(now.retrieval, opening.retrieval));
    case 'endToEndP95':
      return latencyReading(rule, since(now.endToEnd, opening.endToEnd));
    default:
      return few(`${rule.metric} is not read from counters`);
  }
}

function since({ boundsMs, counts }: Histogram, before: readonly number[]): Histogram {
  return { boundsMs, counts: counts.map((count, i) => count - (before[i] ?? 0)) };
}

/** P95 beyond the limit is the same as: more than 5 % slower than it. */
function latencyReading({ limit, minSamples }: AlertRule, histogram: Histogram): AlertReading {
  const n = total(histogram);
  if (n < minSamples) return few(`${n} of ${minSamples} samples`);
  const slow = slowerThan(histogram, limit).hits / n > 0.05;
  return {
    standing: slow ? 'breach' : 'clear',
    measured: measured(quantileMs(histogram, 0.95) ?? Number.NaN, n, 'P95'),
  };
}

function shareReading(rule: AlertRule, hits: number, n: number): AlertReading {
  if (n < rule.minSamples) return few(`${n} of ${rule.minSamples} samples`);
  return valueReading(rule, hits / n, n);
}

function valueReading({ metric, limit }: AlertRule, value: number, n: number): AlertReading {
  const read = measured(value, n, metric);
  if (read.kind !== 'value') return { standing: 'few', measured: read };
  return {
    standing: isWorse(metric, value, limit) ? 'breach' : 'clear',
    measured: read,
  };
}

/** Whether a value lies beyond the limit, on the metric's worse side. */
function isWorse(metric: AlertMetric, value: number, limit: number): boolean {
  return ALERT_METRICS[metric].worse === 'over' ? value > limit + HAIR : value < limit - HAIR;
}

function few(reason: string): AlertReading {
  return { standing: 'few', measured: missing(reason) };
}

/** A release by its newest evaluation; `few` without one that is at most `maxAgeMs` old. */
export function evaluationReading(
  rule: AlertRule,
  release: string,
  records: readonly EvaluationRecord[],
  maxAgeMs: number,
  nowMs: number,
): AlertReading {
  const newest = newestOf(release, records);
  if (newest === null) return few(`no evaluation of ${release}`);
  if (nowMs - newest.atMs > maxAgeMs) return few(`the newest evaluation of ${release} is too old`);
  const before = (overMs: number) =>
    records.filter(({ atMs }) => atMs < newest.atMs && atMs >= newest.atMs - overMs);
  const reading = (value: number) => valueReading(rule, value, newest.queries);
  switch (rule.metric) {
    case 'containAt50':
      return reading(newest.containAt50);
    case 'rAt5Drop':
      return newest.expectedRAt5 === null
        ? few(`metrics.json of ${release} promises no R@5`)
        : reading(newest.expectedRAt5 - newest.rAt5);
    case 'rerankLift':
      return newest.rerankLift === null
        ? few('the evaluation did not measure both orders')
        : reading(newest.rerankLift);
    case 'rAt5UnderMedian': {
      const earlier = before(MEDIAN_OVER_MS).map(({ rAt5 }) => rAt5);
      return earlier.length < MEDIAN_AT_LEAST
        ? few(`${earlier.length} of ${MEDIAN_AT_LEAST} evaluations in the 7 days before`)
        : reading(median(earlier) - newest.rAt5);
    }
    case 'containAt50Dip': {
      const earlier = before(DIP_OVER_MS).map(({ containAt50 }) => containAt50);
      return earlier.length === 0
        ? few('no evaluation before it')
        : reading(Math.max(...earlier) - newest.containAt50);
    }
    default:
      return few(`${rule.metric} is not read from evaluations`);
  }
}

/** A release's newest evaluation; null without one. */
export function newestOf(release: string, records: readonly EvaluationRecord[]): EvaluationRecord | null {
  return records
    .filter((record) => record.release === release)
    .reduce<EvaluationRecord | null>((a, b) => (a === null || b.atMs >= a.atMs ? b : a), null);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}
