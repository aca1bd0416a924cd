import type { MetricValue } from '../core/metric-value.ts';
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

/** Whether nprobe is to be tuned (`fail`), and with which words. `inconclusive`: too little is known for either. */
export interface TuningNeed {
  readonly verdict: RuleVerdict;
  readonly reason: string;
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
  const all = [latency, recall];
  const found =
    all.find(({ verdict }) => verdict === 'fail') ?? all.find(({ verdict }) => verdict === 'inconclusive');
  return found ?? { verdict: 'pass', reason: all.map(({ reason }) => reason).join('; ') };
}

function latencyNeed(windows: readonly TuningWindow[], { p95Ms }: TuningLimits): TuningNeed {
  const last = windows.slice(-SLOW_WINDOWS).map(({ retrievalP95 }) => retrievalP95);
  const values = last.flatMap((p95) => (p95.kind === 'value' && p95.n >= LEAST_REQUESTS ? [p95.value] : []));
  // One window within the limit settles it, whatever the others would say.
  const within = values.find((value) => value <= p95Ms);
  if (within !== undefined)
    return {
      verdict: 'pass',
      reason: `P95 of retrieval was ${within.toFixed(2)} ms in one of the last windows`,
    };
  if (values.length < SLOW_WINDOWS)
    return {
      verdict: 'inconclusive',
      reason: `P95 of retrieval is known in ${values.length} of the last ${SLOW_WINDOWS} windows`,
    };
  const said = values.map((value) => value.toFixed(2)).join(', ');
  return {
    verdict: 'fail',
    reason: `P95 of retrieval was ${said} ms in the last ${SLOW_WINDOWS} windows, over ${p95Ms} ms`,
  };
}

function recallNeed(
  windows: readonly TuningWindow[],
  nowMs: number,
  { recallPoints }: TuningLimits,
): TuningNeed {
  const hour = windows.filter(({ fromMs }) => fromMs >= nowMs - HOUR_MS - SLACK_MS);
  const middleMs = nowMs - HOUR_MS / 2;
  const halves = [hour.filter(({ toMs }) => toMs <= middleMs), hour.filter(({ toMs }) => toMs > middleMs)];
  const [whole, ...parts] = [hour, ...halves].map(pooled);
  const covered = (hour[0]?.fromMs ?? nowMs) <= nowMs - HOUR_MS + SLACK_MS;
  if (whole === undefined || whole.queries < LEAST_QUERIES || !covered)
    return {
      verdict: 'inconclusive',
      reason: `live recall is known of ${whole?.queries ?? 0} queries of the last hour, at least ${LEAST_QUERIES} are needed`,
    };
  const says = `live recall@10 was ${points(whole)} points under FLAT over the last hour (${whole.queries} queries)`;
  // A half without a query has nothing to say against the whole.
  const isUnder = (count: RecallCount) => count.expected > 0 && below(count) > recallPoints + HAIR;
  return isUnder(whole) && parts.every((part) => part.queries === 0 || isUnder(part))
    ? { verdict: 'fail', reason: `${says}, more than ${recallPoints}` }
    : { verdict: 'pass', reason: says };
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

function points(count: RecallCount): string {
  return below(count).toFixed(1);
}
