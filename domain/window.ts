import type { OwnWindow } from './lane-report.ts';
import { ownBetween } from './lane-report.ts';
import { STANDS_STILL, windowClock } from './source-clock.ts';
import type { Histogram, LaneCounters, ShadowCounters, Snapshot, SnapshotResult } from './telemetry.ts';
import type { Count } from './stats.ts';

/** What one lane did between two snapshots. */
export interface LaneWindow {
  readonly release: string;
  readonly errors: Count;
  readonly retrieval: Histogram;
  readonly endToEnd: Histogram;
  readonly rerank: Histogram;
  readonly quality: Count;
  readonly rank1: Count;
  /** Distinct request keys since the percent last changed, at the end of the window. */
  readonly distinctKeys: number;
  readonly notReadySeconds: number;
  readonly breakerOpen: boolean;
  readonly own: OwnWindow;
}

export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
  readonly percent: number;
  /** Null where the lane did not run, or served another release at the window's start. */
  readonly stable: LaneWindow | null;
  readonly candidate: LaneWindow | null;
  /** Null where nothing was shadowed all through; absent in windows from before there was a shadow. */
  readonly shadow?: ShadowCounters | null;
}

export type WindowResult =
  | { readonly kind: 'window'; readonly window: Window }
  /** A reading is not there. */
  | { readonly kind: 'missing'; readonly reason: string }
  /** The counters began anew in between: the window has to start again. */
  | { readonly kind: 'reset'; readonly reason: string };

/** The window between two snapshots of the same gateway process. */
export function windowBetween(opening: SnapshotResult, closing: SnapshotResult): WindowResult {
  if (opening.kind === 'missing') return { kind: 'missing', reason: opening.reason };
  if (closing.kind === 'missing') return { kind: 'missing', reason: closing.reason };
  const [from, to] = [opening.snapshot, closing.snapshot];
  if (from.processStartMs !== to.processStartMs)
    return { kind: 'reset', reason: 'the gateway was restarted within the window' };
  const clock = windowClock(from, to, to.takenAtMs - from.takenAtMs);
  if (clock === 'old') return { kind: 'missing', reason: STANDS_STILL };
  if (clock === 'uneven') return { kind: 'reset', reason: unevenReason(from, to) };
  if (from.percent !== to.percent)
    return {
      kind: 'reset',
      reason: `the percent changed from ${from.percent} to ${to.percent} within the window`,
    };
  return {
    kind: 'window',
    window: {
      fromMs: from.takenAtMs,
      toMs: to.takenAtMs,
      percent: to.percent,
      stable: laneBetween(from, to, 'stable'),
      candidate: laneBetween(from, to, 'candidate'),
      ...(to.shadow === undefined ? {} : { shadow: shadowSince(from.shadow ?? null, to.shadow) }),
    },
  };
}

function unevenReason(from: Snapshot, to: Snapshot): string {
  const seconds = (ms: number) => `${Math.round(ms / 1000)} s`;
  return `no data: the metrics stood still, the gateway's clock moved by ${seconds(to.uptimeMs - from.uptimeMs)} in a window of ${seconds(to.takenAtMs - from.takenAtMs)}`;
}

function laneBetween(from: Snapshot, to: Snapshot, lane: 'stable' | 'candidate'): LaneWindow | null {
  const [before, after] = [from.lanes[lane], to.lanes[lane]];
  return before === null || after === null || before.release !== after.release
    ? null
    : {
        ...difference(before, after),
        own: ownBetween(before.own ?? null, after.own ?? null, to.uptimeMs - from.uptimeMs),
      };
}

/** The queries that were compared since; of the same pair of releases, else null. */
export function shadowSince(
  before: ShadowCounters | null,
  after: ShadowCounters | null,
): ShadowCounters | null {
  if (before === null || after === null) return null;
  if (before.release !== after.release || before.against !== after.against) return null;
  const less = (counts: readonly number[], by: readonly number[]) =>
    counts.map((count, i) => count - (by[i] ?? 0));
  return {
    release: after.release,
    against: after.against,
    both: after.both - before.both,
    onlyStable: after.onlyStable - before.onlyStable,
    onlyCandidate: after.onlyCandidate - before.onlyCandidate,
    neither: after.neither - before.neither,
    overlap: less(after.overlap, before.overlap),
    selfOverlap: less(after.selfOverlap, before.selfOverlap),
  };
}

/** What the gateway counted of a lane since `before`; both of the same release. */
export function difference(before: LaneCounters, after: LaneCounters): Omit<LaneWindow, 'own'> {
  const histogram = (name: 'retrieval' | 'endToEnd' | 'rerank') => since(before[name], after[name]);
  return {
    release: after.release,
    errors: { hits: after.errors - before.errors, n: after.requests - before.requests },
    retrieval: histogram('retrieval'),
    endToEnd: histogram('endToEnd'),
    rerank: histogram('rerank'),
    quality: {
      hits: after.quality.hits - before.quality.hits,
      n: after.quality.total - before.quality.total,
    },
    rank1: { hits: after.rank1.changed - before.rank1.changed, n: after.rank1.total - before.rank1.total },
    distinctKeys: after.distinctKeys,
    notReadySeconds: after.notReadySeconds,
    breakerOpen: after.breakerOpen,
  };
}

/** What a histogram has observed since `before`. */
export function since(before: Histogram, after: Histogram): Histogram {
  return {
    boundsMs: after.boundsMs,
    counts: after.counts.map((count, i) => count - (before.counts[i] ?? 0)),
  };
}

/** Observations of a histogram. */
export function total({ counts }: Histogram): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/**
 * How many observations were slower than a limit in ms, at most: a bucket that the limit cuts counts as slower in
 * whole, so the error is less than one bucket (5 %), and to the safe side.
 */
export function slowerThan({ boundsMs, counts }: Histogram, limitMs: number): Count {
  // Bounds are decimal seconds times 1000: 8 ms may read 8.000000000000002.
  const within = boundsMs.filter((bound) => bound <= limitMs * (1 + 1e-9)).length;
  const n = counts.reduce((sum, count) => sum + count, 0);
  const fast = counts.slice(0, within).reduce((sum, count) => sum + count, 0);
  return { hits: n - fast, n };
}

/** Quantile in ms, linear within its bucket; null without observations; the last bound where it lies above all. */
export function quantileMs({ boundsMs, counts }: Histogram, share: number): number | null {
  const n = counts.reduce((sum, count) => sum + count, 0);
  if (n === 0) return null;
  const rank = share * n;
  let seen = 0;
  for (const [i, count] of counts.entries()) {
    if (count > 0 && seen + count >= rank) {
      const [low, high] = [i === 0 ? 0 : (boundsMs[i - 1] ?? 0), boundsMs[i] ?? boundsMs.at(-1) ?? 0];
      return low + ((rank - seen) / count) * (high - low);
    }
    seen += count;
  }
  return boundsMs.at(-1) ?? null;
}
