import type { Histogram } from '../../domain/metrics/histogram.ts';
import { EMPTY, observed, plus } from '../../domain/metrics/histogram.ts';
import type { LaneSelfMetrics } from '../../domain/metrics/lane-self-metrics.ts';
import type { KindCounters, LaneCounters, Snapshot, SnapshotResult } from '../../domain/metrics/snapshot.ts';

/** What a lane did in a window, in round numbers. */
export interface LaneDelta {
  readonly release?: string;
  readonly requests?: number;
  readonly errors?: number;
  /** Latencies of retrieval and end-to-end in ms, as [share, ms] pairs. */
  readonly latencies?: Latencies;
  /** Whole requests; as retrieval where absent. */
  readonly whole?: Latencies;
  /** Queries without a context, beside `requests` with one. */
  readonly kinds?: Readonly<Record<string, KindDid>>;
  readonly rerankMs?: number | null;
  readonly qualityShare?: number;
  readonly keys?: number;
  readonly notReadySeconds?: number;
  readonly breakerOpen?: boolean;
  /** What differs from a lane that counts nothing odd of itself; null: it does not answer. */
  readonly own?: Partial<LaneSelfMetrics> | null;
}

/** What a sound lane counts of itself after so many requests: it looks at every 100th, and encodes half of the texts. */
export function soundLane(requests: number): LaneSelfMetrics {
  return {
    startSeconds: 1,
    uptimeSeconds: 0,
    answers: requests,
    emptyAnswers: 0,
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

/** Latencies in ms, as [share, ms] pairs. */
type Latencies = readonly (readonly [share: number, ms: number])[];

/** What queries of one kind met, beside those with a context. */
export interface KindDid {
  readonly requests: number;
  readonly errors?: number;
  readonly latencies?: Latencies;
  /** Of texts for which the model ran; none where absent. */
  readonly encode?: Latencies;
  /** Whole requests; as retrieval where absent. */
  readonly whole?: Latencies;
}

function histogram(pairs: Latencies, n: number): Histogram {
  return pairs.reduce((sofar, [share, ms]) => observed(sofar, ms, Math.round(share * n)), EMPTY);
}

function kindCounters(did: KindDid, times: number): KindCounters {
  const { latencies = [[1, 2]], encode, whole = latencies } = did;
  const requests = did.requests * times;
  const retrieval = histogram(latencies, requests);
  const request = histogram(whole, requests);
  return {
    requests,
    errors: (did.errors ?? 0) * times,
    retrieval,
    endToEnd: retrieval,
    encode: histogram(encode ?? [], requests),
    request: encode === undefined ? request : EMPTY,
    encodedRequest: encode === undefined ? EMPTY : request,
  };
}

/** Cumulative counters after `times` such windows. */
export function counters(did: LaneDelta, times = 1): LaneCounters {
  const { requests: perWindow = 1000, errors, latencies, whole } = did;
  const asked = Object.entries({
    context: { requests: perWindow, errors, latencies, whole } as KindDid,
    ...did.kinds,
  });
  const kinds = Object.fromEntries(
    asked.filter(([, kind]) => kind.requests > 0).map(([kind, of]) => [kind, kindCounters(of, times)]),
  );
  const all = Object.values(kinds);
  const requests = perWindow * times;
  const rerankMs = did.rerankMs === undefined ? 0.5 : did.rerankMs;
  return {
    release: did.release ?? 'some-release',
    requests: all.reduce((n, of) => n + of.requests, 0),
    errors: all.reduce((n, of) => n + of.errors, 0),
    warming: 0,
    retrieval: all.map((of) => of.retrieval).reduce(plus, EMPTY),
    endToEnd: all.map((of) => of.endToEnd).reduce(plus, EMPTY),
    rerank: histogram(rerankMs === null ? [] : [[1, rerankMs]], requests),
    kinds,
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
  const added = { ...before.kinds };
  for (const [kind, of] of Object.entries(more.kinds)) {
    const then = added[kind];
    added[kind] = then === undefined ? of : kindSum(then, of);
  }
  return {
    ...more,
    own: soundLane(before.requests + more.requests),
    requests: before.requests + more.requests,
    errors: before.errors + more.errors,
    retrieval: plus(before.retrieval, more.retrieval),
    endToEnd: plus(before.endToEnd, more.endToEnd),
    rerank: plus(before.rerank, more.rerank),
    kinds: added,
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

function kindSum(before: KindCounters, more: KindCounters): KindCounters {
  return {
    requests: before.requests + more.requests,
    errors: before.errors + more.errors,
    retrieval: plus(before.retrieval, more.retrieval),
    endToEnd: plus(before.endToEnd, more.endToEnd),
    encode: plus(before.encode, more.encode),
    request: plus(before.request, more.request),
    encodedRequest: plus(before.encodedRequest, more.encodedRequest),
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
      shadow: null,
      touched: null,
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
  stable: LaneDelta,
  candidate: LaneDelta,
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
