import type { LaneCounters, SnapshotResult } from '../domain/metrics/snapshot.ts';
import { BOUNDS_MS, EMPTY, histogramOf } from '../domain/metrics/histogram.ts';
import { binomial, bucketShares, poisson } from './draws.ts';
import { SimulatedShadow } from './shadow.ts';
import type { Behaviour, Conditions, Moment } from './conditions.ts';

/** Nothing in a world changes faster than this. */
const STEP_MS = 60_000;

/** What the gateway would have counted: two lanes in a world, drawn as counts and not request by request. */
export class SimulatedLanes {
  private readonly world: Conditions;
  private readonly random: () => number;
  private readonly lanes: Record<'stable' | 'candidate', Tally>;
  private percent = 0;
  private raisedMs = -Infinity;
  private shadowPercent = 0;
  private readonly shadow: SimulatedShadow;
  private atMs = 0;

  constructor(world: Conditions, releases: { stable: string; candidate: string }, random: () => number) {
    this.world = world;
    this.random = random;
    this.lanes = { stable: new Tally(releases.stable), candidate: new Tally(releases.candidate) };
    this.shadow = new SimulatedShadow(releases, random);
  }

  setPercent(percent: number, shadowPercent: number): void {
    this.percent = percent;
    this.shadowPercent = shadowPercent;
    this.raisedMs = this.atMs;
    for (const lane of Object.values(this.lanes)) lane.keys = 0;
  }

  /** Serves users until `toMs`. */
  advance(toMs: number): void {
    while (this.atMs < toMs) {
      const stepMs = Math.min(toMs - this.atMs, STEP_MS);
      const { requestsPerSecond, stable, candidate, split } = this.now();
      const share = Math.min(1, (this.percent * split) / 100);
      const requests = (requestsPerSecond * stepMs) / 1000;
      this.lanes.candidate.serve(requests * share, candidate, this.random);
      this.lanes.stable.serve(requests * (1 - share), stable, this.random);
      if (this.percent > 0 && split > 0)
        this.shadow.compare((requests * this.shadowPercent) / 100, stable, candidate);
      this.atMs += stepMs;
    }
  }

  private now(): Moment {
    return this.world.at(this.atMs, this.raisedMs, this.percent);
  }

  snapshot(): SnapshotResult {
    if (!this.now().metrics) return { kind: 'missing', reason: 'the metrics do not answer' };
    const { stable, candidate } = this.lanes;
    return {
      kind: 'snapshot',
      snapshot: {
        takenAtMs: this.atMs,
        processStartMs: 1,
        uptimeMs: this.atMs,
        percent: this.percent,
        epoch: 1,
        lanes: { stable: stable.counters(this.atMs), candidate: candidate.counters(this.atMs) },
        shadow: this.shadowPercent === 0 ? null : this.shadow.counters(),
        touched: null,
      },
    };
  }
}

class Tally {
  keys = 0;
  private requests = 0;
  private errors = 0;
  private misses = 0;
  private readonly buckets: number[] = BOUNDS_MS.map(() => 0).concat(0);
  private readonly release: string;

  constructor(release: string) {
    this.release = release;
  }

  /** Requests of a Poisson process; their latencies are one in each bucket. */
  serve(expected: number, behaviour: Behaviour, random: () => number): void {
    if (!(expected > 0)) return;
    let n = 0;
    for (const [i, share] of bucketShares(BOUNDS_MS, behaviour.medianMs, behaviour.sigma).entries()) {
      if (share * expected < 1e-9) continue;
      const drawn = poisson(share * expected, random);
      this.buckets[i] = (this.buckets[i] ?? 0) + drawn;
      n += drawn;
    }
    this.requests += n;
    this.errors += binomial(n, behaviour.errorRate, random);
    this.misses += binomial(n, 1 - behaviour.qualityShare, random);
    // One in ten requests is of a user who was not there before.
    this.keys += binomial(n, 0.1, random);
  }

  counters(nowMs: number): LaneCounters {
    const histogram = histogramOf(this.buckets);
    const counted = { requests: this.requests, errors: this.errors };
    return {
      release: this.release,
      ...counted,
      warming: 0,
      retrieval: histogram,
      endToEnd: histogram,
      rerank: EMPTY,
      kinds: {
        context: {
          ...counted,
          retrieval: histogram,
          endToEnd: histogram,
          encode: EMPTY,
          request: histogram,
          encodedRequest: EMPTY,
        },
      },
      quality: { hits: this.requests - this.misses, total: this.requests },
      rank1: { changed: 0, total: 0 },
      distinctKeys: this.keys,
      notReadySeconds: 0,
      breakerOpen: false,
      own: {
        startSeconds: 1,
        uptimeSeconds: nowMs / 1000,
        answers: this.requests,
        emptyAnswers: 0,
        inspected: Math.floor(this.requests / 100),
        duplicateShares: 0,
        duplicateShareSquares: 0,
        norms: 0,
        normErrors: 0,
        recallQueries: 0,
        recallFound: 0,
        recallMissed: 0,
        textsCached: 0,
        textsEncoded: 0,
        memoryBytes: 3e8,
        memoryBaselineBytes: null,
        imbalance: 1,
        imbalanceBuilt: 1,
        largestList: null,
        medianList: null,
        rows: 10_000,
        rowsBuilt: 10_000,
      },
    };
  }
}
