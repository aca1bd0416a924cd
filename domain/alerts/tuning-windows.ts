import type { AlertRule } from './rules.ts';
import type { AlertReading } from './threshold.ts';
import type { LaneSelfMetrics } from '../metrics/lane-self-metrics.ts';
import { unseen } from './threshold.ts';
import { metricValue, missing } from '../core/metric-value.ts';
import type { LaneCounters } from '../metrics/snapshot.ts';
import type { TuningWindow } from '../rules/tuning-trigger.ts';
import { describeTuningNeed } from '../rules/describe-tuning.ts';
import { tuningNeed } from '../rules/tuning-trigger.ts';
import type { Histogram } from '../metrics/histogram.ts';
import { quantileMs, since, total } from '../metrics/histogram.ts';

/** A lane at one moment, as far as tuning is concerned. */
interface LaneMoment {
  readonly atMs: number;
  /** Another release, another nprobe or another gateway starts over. */
  readonly of: string;
  readonly retrieval: Histogram;
  readonly recall: Recalled | null;
}

/** What the lane's process has compared with an exact search since it began. */
type Recalled = Pick<LaneSelfMetrics, 'startSeconds' | 'recallQueries' | 'recallFound' | 'recallMissed'>;

/** Plain JSON: the windows of the last hour, and the beginning of the one under way. */
export interface TuningWatch {
  readonly opening: LaneMoment;
  readonly windows: readonly TuningWindow[];
}

/** The runbook's limit of retrieval. */
const P95_MS = 8;
const WINDOW_MS = 5 * 60_000;
/** A lane compares every 1,000th query, so it has compared a dozen by then. */
const DEAF_ANSWERS = 12_000;
/** An hour and what an hour may begin late. */
const KEPT_MS = 70 * 60_000;

/** The watch after one more look at a lane: a window closes every five minutes. */
export function tuningStep(
  before: TuningWatch | null,
  lane: LaneCounters,
  served: { readonly nprobe: number; readonly processStartMs: number },
  nowMs: number,
): TuningWatch {
  const of = `${lane.release}/${served.nprobe}/${served.processStartMs}`;
  const now: LaneMoment = {
    atMs: nowMs,
    of,
    retrieval: lane.retrieval,
    recall: recalledOf(lane.own),
  };
  if (before === null || before.opening.of !== of) return { opening: now, windows: [] };
  const { opening } = before;
  if (nowMs - opening.atMs < WINDOW_MS) return before;
  const retrieval = since(opening.retrieval, lane.retrieval);
  // A silence in between is no window: what was measured over it belongs to no five minutes.
  const silent = nowMs - opening.atMs > 2 * WINDOW_MS;
  const window: TuningWindow = {
    fromMs: opening.atMs,
    toMs: nowMs,
    retrievalP95: silent
      ? missing('nobody looked for over ten minutes')
      : metricValue(quantileMs(retrieval, 0.95) ?? Number.NaN, total(retrieval), 'P95 of retrieval'),
    recall: silent ? null : recallBetween(opening.recall, now.recall),
  };
  return {
    opening: now,
    windows: [...before.windows, window].filter(({ fromMs }) => fromMs >= nowMs - KEPT_MS),
  };
}

function recalledOf(own: LaneSelfMetrics | null): Recalled | null {
  if (own === null) return null;
  const { startSeconds, recallQueries, recallFound, recallMissed } = own;
  return { startSeconds, recallQueries, recallFound, recallMissed };
}

function recallBetween(before: Recalled | null, after: Recalled | null): TuningWindow['recall'] {
  if (before === null || after === null || before.startSeconds !== after.startSeconds) return null;
  const found = after.recallFound - before.recallFound;
  const missed = after.recallMissed - before.recallMissed;
  return { queries: after.recallQueries - before.recallQueries, found, expected: found + missed };
}

/**
 * The runbook's "when to tune", with the rule's limit for live recall. Unseen where the lane is silent now, or where it
 * compared no query in windows in which it answered plenty.
 */
export function tuningReading({ limit }: AlertRule, watch: TuningWatch | null, nowMs: number): AlertReading {
  if (watch === null) return unseen('the flags of the lane are not known');
  const limits = { p95Ms: P95_MS, recallPoints: limit * 100 };
  const need = tuningNeed(watch.windows, nowMs, limits);
  const { verdict } = need;
  const reason = describeTuningNeed(need);
  const reading = { verdict, measured: missing(reason), why: reason } as const;
  return verdict !== 'fail' && isDeaf(watch)
    ? { ...reading, verdict: 'inconclusive', unseen: true }
    : reading;
}

/** Nothing is heard of live recall, though the lane must have compared some queries. */
function isDeaf({ opening, windows }: TuningWatch): boolean {
  if (opening.recall === null) return true;
  const answers = sumOf(windows, ({ retrievalP95 }) => (retrievalP95.kind === 'value' ? retrievalP95.n : 0));
  const compared = sumOf(windows, ({ recall }) => recall?.queries ?? 0);
  return compared === 0 && answers >= DEAF_ANSWERS;
}

function sumOf(windows: readonly TuningWindow[], of: (window: TuningWindow) => number): number {
  return windows.reduce((sum, window) => sum + of(window), 0);
}
