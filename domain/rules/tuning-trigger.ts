import type { MetricValue } from '../core/metric-value.ts';
import { worst } from '../core/verdict.ts';
import type { RuleVerdict } from './series.ts';

/** What a lane did between two looks, minutes apart. */
export interface TuningWindow {
  readonly fromMs: number;
  readonly toMs: number;
  /** P95 of retrieval, ms. */
  readonly retrievalP95: MetricValue;
  /** Live recall: differences of the lane's counters; null where the lane did not answer or was restarted. */
  readonly recall: RecallCount | null;
}

interface RecallCount {
  readonly queries: number;
  readonly found: number;
  readonly expected: number;
}

/** What decided on retrieval's P95: windows' values in ms that are all over the limit, one within it, or how many are known. */
export type LatencyNeed =
  | { readonly verdict: 'fail'; readonly p95sMs: readonly number[]; readonly limitMs: number }
  | { readonly verdict: 'pass'; readonly p95Ms: number }
  | { readonly verdict: 'inconclusive'; readonly known: number; readonly least: number };

/** What decided on live recall, in points under an exact search. */
export type RecallNeed =
  | {
      readonly verdict: 'fail' | 'pass';
      readonly underPoints: number;
      readonly limitPoints: number;
      readonly queries: number;
    }
  | { readonly verdict: 'inconclusive'; readonly queries: number; readonly least: number };

/** Whether nprobe is to be tuned (`fail`), and by what. `inconclusive`: too little is known for either. */
export interface TuningNeed {
  readonly verdict: RuleVerdict;
  readonly latency: LatencyNeed;
  readonly recall: RecallNeed;
}

/** Fewer compared queries say nothing about recall. */
const LEAST_QUERIES = 30;
/** Fewer requests say nothing about a P95. */
const LEAST_REQUESTS = 100;
const HOUR_MS = 3_600_000;
/** The windows of an hour may begin so much late. */
const SLACK_MS = 5 * 60_000;
const SLOW_WINDOWS = 3;
/** A hair over the limit in binary is still on it. */
const HAIR = 1e-9;

/** The runbook's: P95 over 8 ms consistently, or R@10 over 3 points under FLAT. */
export interface TuningLimits {
  readonly p95Ms: number;
  readonly recallPoints: number;
}
const RUNBOOK: TuningLimits = { p95Ms: 8, recallPoints: 3 };

/**
 * The runbook's "when to tune" over a lane's windows, oldest first and of one release and nprobe: P95 of retrieval over
 * the limit in the last three windows, or live recall@10 under the limit for an hour, which is over the whole of it and
 * over each of its halves. A window that was not measured breaks the row of three, and is no part of the hour.
 */
export function tuningNeed(
  windows: readonly TuningWindow[],
  nowMs: number,
  limits: TuningLimits = RUNBOOK,
): TuningNeed {
  const [latency, recall] = [latencyNeed(windows, limits), recallNeed(windows, nowMs, limits)];
  return { verdict: worst([latency.verdict, recall.verdict]) as RuleVerdict, latency, recall };
}

function latencyNeed(windows: readonly TuningWindow[], { p95Ms: limitMs }: TuningLimits): LatencyNeed {
  const last = windows.slice(-SLOW_WINDOWS).map(({ retrievalP95 }) => retrievalP95);
  const p95sMs = last.flatMap((p95) => (p95.kind === 'value' && p95.n >= LEAST_REQUESTS ? [p95.value] : []));
  // One window within the limit settles it, whatever the others would say.
  const within = p95sMs.find((value) => value <= limitMs);
  if (within !== undefined) return { verdict: 'pass', p95Ms: within };
  return p95sMs.length < SLOW_WINDOWS
    ? { verdict: 'inconclusive', known: p95sMs.length, least: SLOW_WINDOWS }
    : { verdict: 'fail', p95sMs, limitMs };
}

function recallNeed(
  windows: readonly TuningWindow[],
  nowMs: number,
  { recallPoints: limitPoints }: TuningLimits,
): RecallNeed {
  const hour = windows.filter(({ fromMs }) => fromMs >= nowMs - HOUR_MS - SLACK_MS);
  const middleMs = nowMs - HOUR_MS / 2;
  const halves = [hour.filter(({ toMs }) => toMs <= middleMs), hour.filter(({ toMs }) => toMs > middleMs)];
  const whole = pooled(hour);
  const { queries } = whole;
  const covered = (hour[0]?.fromMs ?? nowMs) <= nowMs - HOUR_MS + SLACK_MS;
  if (queries < LEAST_QUERIES || !covered) return { verdict: 'inconclusive', queries, least: LEAST_QUERIES };
  // A half without a query has nothing to say against the whole.
  const isUnder = (count: RecallCount) => count.expected > 0 && below(count) > limitPoints + HAIR;
  const lasts = isUnder(whole) && halves.map(pooled).every((part) => part.queries === 0 || isUnder(part));
  return { verdict: lasts ? 'fail' : 'pass', underPoints: below(whole), limitPoints, queries };
}

function pooled(windows: readonly TuningWindow[]): RecallCount {
  return windows.reduce(
    (sum, { recall }) => ({
      queries: sum.queries + (recall?.queries ?? 0),
      found: sum.found + (recall?.found ?? 0),
      expected: sum.expected + (recall?.expected ?? 0),
    }),
    { queries: 0, found: 0, expected: 0 },
  );
}

/** Points by which recall lies below the exact search. */
function below({ found, expected }: RecallCount): number {
  return 100 * (1 - found / expected);
}
