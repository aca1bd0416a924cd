import type { LaneOwn } from '../../domain/lane-report.ts';
import type { LaneCounters, Snapshot, SnapshotResult } from '../../domain/telemetry.ts';
import { LATENCY_BOUNDS_SECONDS } from '../../domain/telemetry.ts';

const BOUNDS_MS = LATENCY_BOUNDS_SECONDS.map((bound) => bound * 1000);

/** What a lane did in a window, in round numbers. */
export interface LaneDid {
  readonly release?: string;
  readonly requests?: number;
  readonly errors?: number;
  /** Latencies of retrieval and end-to-end in ms, as [share, ms] pairs. */
  readonly latencies?: readonly (readonly [share: number, ms: number])[];
  readonly rerankMs?: number | null;
  readonly qualityShare?: number;
  readonly keys?: number;
  readonly notReadySeconds?: number;
  readonly breakerOpen?: boolean;
  /** What differs from a lane that counts nothing odd of itself; null: it does not answer. */
  readonly own?: Partial<LaneOwn> | null;
}

/** What a sound lane counts of itself after so many requests: it looks at every 100th, and encodes half of the texts. */
export function soundLane(requests: number): LaneOwn {
  return {
    startSeconds: 1,
    uptimeSeconds: 0,
    inspected: Math.floor(requests / 100),
    duplicateShares: 0,
    duplicateShareSquares: 0,
    norms: Math.floor(requests / 100),
    normErrors: 0,
    recallQueries: Math.floor(requests / 1_000),
    recallFound: 10 * Math.floor(requests / 1_000),
    recallMissed: 0,
    textsCached: Math.floor(requests / 2),
    textsEncoded: Math.ceil(requests / 2),
    memoryBytes: 300e6,
    memoryBaselineBytes: 300e6,
    imbalance: 1.2,
    imbalanceBuilt: 1.2,
    largestList: 100,
    medianList: 60,
    rows: 10_000,
    rowsBuilt: 10_000,
  };
}

/** Cumulative counters after `times` such windows. */
export function counters(did: LaneDid, times = 1): LaneCounters {
  const requests = (did.requests ?? 1000) * times;
  const histogram = (pairs: readonly (readonly [number, number])[], n: number) => {
    const counts = Array.from({ length: BOUNDS_MS.length + 1 }, () => 0);
    for (const [share, ms] of pairs) {
      const at = BOUNDS_MS.findIndex((bound) => ms <= bound);
      const i = at === -1 ? BOUNDS_MS.length : at;
      counts[i] = (counts[i] ?? 0) + Math.round(share * n);
    }
    return { boundsMs: BOUNDS_MS, counts };
  };
  const latencies = did.latencies ?? [[1, 2]];
  const rerankMs = did.rerankMs === undefined ? 0.5 : did.rerankMs;
  return {
    release: did.release ?? 'some-release',
    requests,
    errors: (did.errors ?? 0) * times,
    warming: 0,
    retrieval: histogram(latencies, requests),
    endToEnd: histogram(latencies, requests),
    rerank: histogram(rerankMs === null ? [] : [[1, rerankMs]], requests),
    quality: { hits: Math.round((did.qualityShare ?? 0.95) * requests), total: requests },
    rank1: { changed: Math.round(0.3 * requests), total: rerankMs === null ? 0 : requests },
    distinctKeys: did.keys ?? 500,
    notReadySeconds: did.notReadySeconds ?? 0,
    breakerOpen: did.breakerOpen ?? false,
    own: did.own === null ? null : { ...soundLane(requests), ...did.own },
  };
}

/** Counters after more traffic; gauges are those of the later. */
export function sum(before: LaneCounters, more: LaneCounters): LaneCounters {
  const plus = (name: 'retrieval' | 'endToEnd' | 'rerank') => ({
    boundsMs: more[name].boundsMs,
    counts: more[name].counts.map((count, i) => count + (before[name].counts[i] ?? 0)),
  });
  return {
    ...more,
    own: soundLane(before.requests + more.requests),
    requests: before.requests + more.requests,
    errors: before.errors + more.errors,
    retrieval: plus('retrieval'),
    endToEnd: plus('endToEnd'),
    rerank: plus('rerank'),
    quality: {
      hits: before.quality.hits + more.quality.hits,
      total: before.quality.total + more.quality.total,
    },
    rank1: {
      changed: before.rank1.changed + more.rank1.changed,
      total: before.rank1.total + more.rank1.total,
    },
  };
}

/** A snapshot at `atMs` of one gateway process. */
export function snapshot(
  atMs: number,
  stable: LaneCounters | null,
  candidate: LaneCounters | null,
  more: Partial<Snapshot> = {},
): SnapshotResult {
  return {
    kind: 'snapshot',
    snapshot: {
      takenAtMs: atMs,
      processStartMs: 1,
      uptimeMs: atMs,
      percent: 50,
      epoch: 1,
      lanes: { stable: running(stable, atMs), candidate: running(candidate, atMs) },
      ...more,
    },
  };
}

/** The lane's own clock runs with the test's. */
function running(lane: LaneCounters | null, atMs: number): LaneCounters | null {
  return lane?.own ? { ...lane, own: { ...lane.own, uptimeSeconds: atMs / 1000 } } : lane;
}

/** Opening and closing of a window in which the lanes did this. */
export function windowOf(
  stable: LaneDid,
  candidate: LaneDid,
  percent = 50,
): [SnapshotResult, SnapshotResult] {
  const [good, tried] = [
    { release: 'v-1', ...stable },
    { release: 'v0', ...candidate },
  ];
  return [
    snapshot(0, counters(good), counters(tried), { percent }),
    snapshot(60_000, counters(good, 2), counters(tried, 2), { percent }),
  ];
}
