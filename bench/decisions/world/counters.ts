import { BOUNDS_MS, EMPTY, histogramOf } from '../../../domain/metrics/histogram.ts';
import type { LaneCounters, ShadowCounters } from '../../../domain/metrics/snapshot.ts';

/** Slots of 0.01 ms up to here have their bucket in a table; what is slower is rare. */
const TABLE_MS = 60;
const SLOTS_PER_MS = 100;
const slowBucket = (ms: number) => {
  const found = BOUNDS_MS.findIndex((bound) => ms <= bound);
  return found === -1 ? BOUNDS_MS.length : found;
};
const BUCKETS = Uint16Array.from({ length: TABLE_MS * SLOTS_PER_MS }, (_, i) =>
  slowBucket((i + 0.5) / SLOTS_PER_MS),
);

/** The bucket of the gateway's histograms that a latency falls in. */
export function bucketOf(ms: number): number {
  return ms < TABLE_MS ? (BUCKETS[Math.floor(ms * SLOTS_PER_MS)] ?? 0) : slowBucket(ms);
}

const zeros = () => Array.from({ length: BOUNDS_MS.length + 1 }, () => 0);

/** What the gateway counts of one lane since its process began, and what the lane counts of itself. Independent of any format. */
export class Counters {
  requests = 0;
  errors = 0;
  hits = 0;
  answered = 0;
  readonly retrieval = zeros();
  readonly endToEnd = zeros();
  readonly rerank = zeros();
  readonly own = { startSeconds: 1, answers: 0, empty: 0, inspected: 0, shares: 0, squares: 0, grown: 0 };
  /** Failed requests by hash bucket of the client's key, and all of them: for evidence in independent units. */
  readonly bucketRequests = new Int32Array(100);
  readonly bucketErrors = new Int32Array(100);
  downSinceMs: number | null = null;

  /** A gateway that was restarted counts from 0. */
  reset(): void {
    this.requests = this.errors = this.hits = this.answered = 0;
    for (const histogram of [this.retrieval, this.endToEnd, this.rerank]) histogram.fill(0);
    this.bucketRequests.fill(0);
    this.bucketErrors.fill(0);
  }

  /** The lane's process was replaced. */
  restart(nowMs: number): void {
    Object.assign(this.own, {
      startSeconds: 1 + nowMs / 1000,
      answers: 0,
      empty: 0,
      inspected: 0,
      shares: 0,
      squares: 0,
    });
  }
}

const NO_OWN = {
  norms: 0,
  normErrors: 0,
  recallQueries: 0,
  recallFound: 0,
  recallMissed: 0,
  textsCached: 0,
  textsEncoded: 0,
  memoryBaselineBytes: 3e8,
  imbalance: 1,
  imbalanceBuilt: 1,
  largestList: null,
  medianList: null,
  rows: 10_000,
  rowsBuilt: 10_000,
};

/** The counters as the product's snapshot holds them. */
export function laneCounters(of: Counters, release: string, keys: number, nowMs: number): LaneCounters {
  const { own } = of;
  const [retrieval, endToEnd, rerank] = [of.retrieval, of.endToEnd, of.rerank].map(histogramOf);
  const histograms = { retrieval: retrieval ?? EMPTY, endToEnd: endToEnd ?? EMPTY };
  const counted = { requests: of.requests, errors: of.errors };
  const down = of.downSinceMs !== null;
  return {
    release,
    ...counted,
    ...histograms,
    warming: 0,
    rerank: rerank ?? EMPTY,
    kinds: {
      context: {
        ...counted,
        ...histograms,
        encode: EMPTY,
        request: histograms.endToEnd,
        encodedRequest: EMPTY,
      },
    },
    quality: { hits: of.hits, total: of.answered },
    rank1: { changed: 0, total: 0 },
    distinctKeys: keys,
    notReadySeconds: of.downSinceMs === null ? 0 : (nowMs - of.downSinceMs) / 1000,
    breakerOpen: down,
    own: down
      ? null
      : {
          ...NO_OWN,
          startSeconds: own.startSeconds,
          uptimeSeconds: nowMs / 1000 + 1 - own.startSeconds,
          answers: own.answers,
          emptyAnswers: own.empty,
          inspected: own.inspected,
          duplicateShares: own.shares,
          duplicateShareSquares: own.squares,
          memoryBytes: 3e8 * (1 + own.grown),
        },
  };
}

/** Pairs of the shadow as the product's snapshot holds them. */
export function shadowCounters({
  both,
  onlyStable,
  onlyCandidate,
  neither,
  again,
}: {
  readonly [of in 'both' | 'onlyStable' | 'onlyCandidate' | 'neither' | 'again']: number;
}): ShadowCounters {
  const none = Array.from({ length: 10 }, () => 0);
  const pairs = both + onlyStable + onlyCandidate + neither;
  return {
    release: 'v0',
    against: 'v-1',
    both,
    onlyStable,
    onlyCandidate,
    neither,
    overlap: [...none, pairs],
    selfOverlap: [...none, again],
  };
}
