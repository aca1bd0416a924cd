import type { Histogram } from './histogram.ts';
import { EMPTY, since } from './histogram.ts';
import type { OwnWindow } from './lane-self-metrics.ts';
import { ownBetween } from './lane-self-metrics.ts';
import { STANDS_STILL, windowClock } from './source-clock.ts';
import type { Count } from '../statistics/proportion.ts';
import type { KindCounters, LaneCounters, ShadowCounters, Snapshot, SnapshotResult } from './snapshot.ts';

/** What one kind of queries met on a lane between two snapshots. */
export interface KindWindow extends Omit<KindCounters, 'requests' | 'errors'> {
  readonly errors: Count;
}

/** What one lane did between two snapshots, over all kinds of queries; quality and rank 1 are of those with a context. */
export interface LaneWindow {
  readonly release: string;
  readonly errors: Count;
  readonly retrieval: Histogram;
  readonly endToEnd: Histogram;
  readonly rerank: Histogram;
  /** By kind; one that did not come has no entry. */
  readonly kinds: Readonly<Record<string, KindWindow>>;
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
  /** Null where nothing was shadowed all through. */
  readonly shadow: ShadowCounters | null;
}

export type WindowResult =
  | { readonly kind: 'window'; readonly window: Window }
  /** A reading is not there. */
  | { readonly kind: 'missing'; readonly reason: string }
  /** The counters were reset in between: the window has to start again. */
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
      shadow: shadowSince(from.shadow, to.shadow),
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
        own: ownBetween(before.own, after.own, to.uptimeMs - from.uptimeMs),
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

/** Queries that both lanes answered. */
export function pairsOf({ both, onlyStable, onlyCandidate, neither }: ShadowCounters): number {
  return both + onlyStable + onlyCandidate + neither;
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
    kinds: kindsBetween(before.kinds, after.kinds),
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

const NONE: KindCounters = {
  requests: 0,
  errors: 0,
  retrieval: EMPTY,
  endToEnd: EMPTY,
  encode: EMPTY,
  request: EMPTY,
  encodedRequest: EMPTY,
};

/** What came of each kind since `before`. */
export function kindsBetween(
  before: LaneCounters['kinds'],
  after: LaneCounters['kinds'],
): Record<string, KindWindow> {
  const kinds: Record<string, KindWindow> = {};
  for (const [kind, now] of Object.entries(after)) {
    const then = before[kind] ?? NONE;
    if (now.requests === then.requests) continue;
    kinds[kind] = {
      errors: { hits: now.errors - then.errors, n: now.requests - then.requests },
      retrieval: since(then.retrieval, now.retrieval),
      endToEnd: since(then.endToEnd, now.endToEnd),
      encode: since(then.encode, now.encode),
      request: since(then.request, now.request),
      encodedRequest: since(then.encodedRequest, now.encodedRequest),
    };
  }
  return kinds;
}
