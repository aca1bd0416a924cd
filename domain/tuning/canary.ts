import type { LaneGateResult, LaneRow } from '../check/lane-gate.ts';
import { describeLaneGate, evaluateLaneGate } from '../check/lane-gate.ts';
import { quantileMs } from '../metrics/histogram.ts';
import type { LaneWindow } from '../metrics/window.ts';
import { zFor } from '../statistics/proportion.ts';
import { SLOWER, slowerLimitMs } from '../metrics/p95-limit.ts';

/** When a window on either side of the change is looked at, ms after its beginning; the last ends it. */
export const CANARY_LOOKS_MS: readonly number[] = [20_000, 40_000, 80_000, 160_000, 320_000, 600_000];
/** Fewer requests say nothing. */
const LEAST_REQUESTS = 200;
/** The error of the intervals is shared out over the looks (Bonferroni). */
const Z = zFor(0.95, CANARY_LOOKS_MS.length);
/** The runbook's for a rise of the error rate. */
const ERRORS_MAY_RISE = 0.002;
/** Misses of the quality proxy, as a share: shared/notes' tolerance, by simulation. */
const MISSES_MAY_RISE = 0.02;

/** What the change of nprobe was for. */
export interface CanaryChange {
  readonly from: number;
  readonly to: number;
  /** P95 of retrieval that is wanted, ms. */
  readonly targetMs: number;
}

/** The lane's window, if enough requests came for it to be worth comparing with. */
export function withUsers(lane: LaneWindow | null): LaneWindow | null {
  return lane !== null && lane.errors.n >= LEAST_REQUESTS ? lane : null;
}

/**
 * One lane before and after its nprobe was changed: a gate whose control is the window before. `inconclusive` where a row seems worse
 * and is not proven to be, or too few requests came: a longer window may tell.
 */
export function evaluateCanary(
  before: LaneWindow,
  after: LaneWindow | null,
  change: CanaryChange,
): LaneGateResult {
  const now = withUsers(after);
  if (now === null) return { verdict: 'inconclusive', rows: [] };
  const { hits, n } = before.quality;
  // What is expected of the lane is what it had.
  const quality = n === 0 ? null : { release: before.release, expectedShare: hits / n };
  return evaluateLaneGate(rowsOf(before, change), now, { before, quality, z: Z });
}

function rowsOf(before: LaneWindow, { from, to, targetMs }: CanaryChange): LaneRow[] {
  const row = { compareTo: 'stable', minSamples: 1 } as const;
  const p95 = quantileMs(before.retrieval, 0.95);
  // Raised for accuracy, a lane may become slower, up to the target.
  const latency =
    to > from && p95 !== null
      ? ({ compareTo: 'limit', failAbove: Math.max(slowerLimitMs(p95), targetMs) } as const)
      : { failAbove: SLOWER.ratio };
  return [
    { ...row, metric: 'errorRate', failAbove: ERRORS_MAY_RISE },
    { ...row, metric: 'retrievalP95', ...latency },
    { ...row, metric: 'qualityShortfall', failAbove: MISSES_MAY_RISE },
  ];
}

/** What was measured, and by what a verdict came about. */
export function describeCanary(result: LaneGateResult, after: LaneWindow | null): string {
  return result.rows.length === 0
    ? `${after?.errors.n ?? 0} requests of at least ${LEAST_REQUESTS}`
    : describeLaneGate(result);
}
