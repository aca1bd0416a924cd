import type { AlertRule } from './alert-rules.ts';
import type { AlertReading } from './alert-standing.ts';
import type { LaneFacts } from './lane-facts.ts';
import { measured, missing } from './measured.ts';
import type { LaneCounters } from './telemetry.ts';
import type { TuningWindow } from './tuning-need.ts';
import { tuningNeed } from './tuning-need.ts';
import { quantileMs, total } from './window.ts';

/** A lane at one moment, as far as tuning is concerned. */
interface LaneMoment {
  readonly atMs: number;
  /** Another release, another nprobe or another gateway begins afresh. */
  readonly of: string;
  readonly retrieval: readonly number[];
  readonly facts: LaneFacts | null;
}

/** Plain JSON: the windows of the last hour, and the beginning of the one under way. */
export interface TuningWatch {
  readonly opening: LaneMoment;
  readonly windows: readonly TuningWindow[];
}

/** The runbook's limit of retrieval. */
const P95_MS = 8;
const WINDOW_MS = 5 * 60_000;
/** An hour and what an hour may begin late. */
const KEPT_MS = 70 * 60_000;

/** The watch after one more look at a lane: a window closes every five minutes. */
export function tuningStep(
  before: TuningWatch | null,
  lane: LaneCounters,
  facts: LaneFacts | null,
  served: { readonly nprobe: number; readonly processStartMs: number },
  nowMs: number,
): TuningWatch {
  const { counts, boundsMs } = lane.retrieval;
  const of = `${lane.release}/${served.nprobe}/${served.processStartMs}`;
  const now: LaneMoment = { atMs: nowMs, of, retrieval: counts, facts };
  if (before === null || before.opening.of !== of) return { opening: now, windows: [] };
  const { opening } = before;
  if (nowMs - opening.atMs < WINDOW_MS) return before;
  const retrieval = { boundsMs, counts: counts.map((count, i) => count - (opening.retrieval[i] ?? 0)) };
  // A silence in between is no window: what was measured over it belongs to no five minutes.
  const silent = nowMs - opening.atMs > 2 * WINDOW_MS;
  const window: TuningWindow = {
    fromMs: opening.atMs,
    toMs: nowMs,
    retrievalP95: silent
      ? missing('nobody looked for over ten minutes')
      : measured(quantileMs(retrieval, 0.95) ?? Number.NaN, total(retrieval), 'P95 of retrieval'),
    recall: silent ? null : recallBetween(opening.facts, facts),
  };
  return {
    opening: now,
    windows: [...before.windows, window].filter(({ fromMs }) => fromMs >= nowMs - KEPT_MS),
  };
}

function recallBetween(before: LaneFacts | null, after: LaneFacts | null): TuningWindow['recall'] {
  if (before === null || after === null || before.startSeconds !== after.startSeconds) return null;
  const found = after.recall.found - before.recall.found;
  const missed = after.recall.missed - before.recall.missed;
  return {
    queries: after.recall.queries - before.recall.queries,
    found,
    expected: found + missed,
  };
}

/** The runbook's "when to tune", with the rule's limit for live recall. */
export function tuningReading({ limit }: AlertRule, watch: TuningWatch | null, nowMs: number): AlertReading {
  const limits = { p95Ms: P95_MS, recallPoints: limit * 100 };
  const { need, reason } = tuningNeed(watch?.windows ?? [], nowMs, limits);
  const standing = need === 'tune' ? 'breach' : need === 'none' ? 'clear' : 'few';
  return { standing, measured: missing(reason), why: reason };
}
