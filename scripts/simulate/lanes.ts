import type { LaneCounters, ShadowCounters, Snapshot } from '../../domain/telemetry.ts';
import { LATENCY_BOUNDS_SECONDS } from '../../domain/telemetry.ts';

const BOUNDS_MS = LATENCY_BOUNDS_SECONDS.map((bound) => bound * 1000);
/** Quantiles that one draw may hit; a finer table changes no bucket's share by more than 1/4096. */
const TABLE = 4096;
const NO_OVERLAP = Array.from({ length: 11 }, () => 0);

/** How a lane behaves; both lanes of an A/A run have the same. */
export interface Behaviour {
  readonly errorRate: number;
  /** Retrieval is lognormal with this median and spread. */
  readonly medianMs: number;
  readonly sigma: number;
  readonly qualityShare: number;
}

/** What the gateway would have counted: two lanes, with a cold start, and spikes that hit both. */
export class SimulatedLanes {
  private readonly random: () => number;
  private readonly ratePerSecond: number;
  private readonly tables: { readonly calm: Uint16Array; readonly spike: Uint16Array };
  private readonly behaviour: Behaviour;
  private readonly lanes: Record<'stable' | 'candidate', Tally>;
  private percent = 0;
  private shadowPercent = 0;
  private shadow: ShadowCounters = {
    release: 'v-1 again',
    against: 'v-1',
    both: 0,
    onlyStable: 0,
    onlyCandidate: 0,
    neither: 0,
    overlap: NO_OVERLAP,
    selfOverlap: NO_OVERLAP,
  };
  private atMs = 0;

  constructor(behaviour: Behaviour, ratePerSecond: number, random: () => number) {
    this.behaviour = behaviour;
    this.ratePerSecond = ratePerSecond;
    this.random = random;
    this.tables = { calm: bucketTable(behaviour, 1), spike: bucketTable(behaviour, 3) };
    this.lanes = { stable: new Tally('v-1'), candidate: new Tally('v-1 again') };
  }

  setPercent(percent: number, shadowPercent: number): void {
    this.percent = percent;
    this.shadowPercent = shadowPercent;
    for (const lane of Object.values(this.lanes)) lane.keys = 0;
  }

  /** Serves users until `toMs`; spikes last ten seconds and come about twice an hour. */
  advance(toMs: number): void {
    while (this.atMs < toMs) {
      const stepMs = Math.min(toMs - this.atMs, 10_000);
      const table = this.random() < 1 / 180 ? this.tables.spike : this.tables.calm;
      const n = this.poisson((this.ratePerSecond * stepMs) / 1000);
      let onCandidate = 0;
      for (let i = 0; i < n; i++) if (this.random() * 100 < this.percent) onCandidate++;
      this.serve(this.lanes.candidate, onCandidate, table);
      this.serve(this.lanes.stable, n - onCandidate, table);
      if (this.percent > 0) this.compare(this.poisson((n * this.shadowPercent) / 100));
      this.atMs += stepMs;
    }
  }

  /** Shadowed queries: lanes that differ in a query do so by chance, half of the misses are of the query itself. */
  private compare(pairs: number): void {
    const own = pairs * (1 - this.behaviour.qualityShare) * 0.5;
    const [onlyStable, onlyCandidate, neither] = [this.poisson(own), this.poisson(own), this.poisson(own)];
    const { shadow } = this;
    const at = (counts: readonly number[], tenths: number, more: number) =>
      counts.with(tenths, (counts[tenths] ?? 0) + more);
    this.shadow = {
      ...shadow,
      both: shadow.both + Math.max(0, pairs - onlyStable - onlyCandidate - neither),
      onlyStable: shadow.onlyStable + onlyStable,
      onlyCandidate: shadow.onlyCandidate + onlyCandidate,
      neither: shadow.neither + neither,
      overlap: at(shadow.overlap, 10, pairs),
      selfOverlap: at(shadow.selfOverlap, 10, Math.round(pairs / 4)),
    };
  }

  snapshot(): Snapshot {
    return {
      takenAtMs: this.atMs,
      processStartMs: 1,
      percent: this.percent,
      epoch: 1,
      lanes: { stable: this.lanes.stable.counters(), candidate: this.lanes.candidate.counters() },
      shadow: this.shadowPercent === 0 ? null : this.shadow,
    };
  }

  private serve(lane: Tally, n: number, table: Uint16Array): void {
    for (let i = 0; i < n; i++) {
      const bucket = table[Math.floor(this.random() * TABLE)] ?? 0;
      lane.buckets[bucket] = (lane.buckets[bucket] ?? 0) + 1;
    }
    lane.requests += n;
    lane.errors += Math.min(n, this.poisson(n * this.behaviour.errorRate));
    lane.misses += Math.min(n, this.poisson(n * (1 - this.behaviour.qualityShare)));
    // One in ten requests is of a user who was not there before.
    lane.keys += this.poisson(n / 10);
  }

  /** Knuth's product for small means, the normal approximation above. */
  private poisson(mean: number): number {
    if (mean > 30) {
      const normal = Math.sqrt(-2 * Math.log(1 - this.random())) * Math.cos(2 * Math.PI * this.random());
      return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
    }
    const limit = Math.exp(-mean);
    let count = -1;
    for (let product = 1; product > limit; product *= this.random()) count++;
    return Math.max(0, count);
  }
}

class Tally {
  requests = 0;
  errors = 0;
  misses = 0;
  keys = 0;
  readonly buckets: number[] = Array.from({ length: BOUNDS_MS.length + 1 }, () => 0);
  private readonly release: string;

  constructor(release: string) {
    this.release = release;
  }

  counters(): LaneCounters {
    const histogram = { boundsMs: BOUNDS_MS, counts: [...this.buckets] };
    const empty = { boundsMs: BOUNDS_MS, counts: this.buckets.map(() => 0) };
    return {
      release: this.release,
      requests: this.requests,
      errors: this.errors,
      warming: 0,
      retrieval: histogram,
      endToEnd: histogram,
      rerank: empty,
      quality: { hits: this.requests - this.misses, total: this.requests },
      rank1: { changed: 0, total: 0 },
      distinctKeys: this.keys,
      notReadySeconds: 0,
      breakerOpen: false,
      own: {
        startSeconds: 1,
        inspected: Math.floor(this.requests / 100),
        duplicateShares: 0,
        duplicateShareSquares: 0,
        textsCached: 0,
        textsEncoded: 0,
        memoryBytes: 3e8,
        memoryBaselineBytes: null,
        imbalance: 1,
        imbalanceBuilt: 1,
        rows: 10_000,
        rowsBuilt: 10_000,
      },
    };
  }
}

/** The bucket of each of TABLE evenly spread quantiles of a lognormal latency. */
function bucketTable({ medianMs, sigma }: Behaviour, slower: number): Uint16Array {
  return Uint16Array.from({ length: TABLE }, (_, i) => {
    const ms = slower * medianMs * Math.exp(sigma * normalQuantile((i + 0.5) / TABLE));
    const bucket = BOUNDS_MS.findIndex((bound) => ms <= bound);
    return bucket === -1 ? BOUNDS_MS.length : bucket;
  });
}

/** By bisection of the error function's series: exact enough here, and independent of the domain's own. */
function normalQuantile(p: number): number {
  let [low, high] = [-6, 6];
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < p) low = middle;
    else high = middle;
  }
  return low;
}

function normalCdf(x: number): number {
  let [term, sum] = [x, x];
  for (let i = 1; i < 120; i++) {
    term *= (-x * x) / 2 / i;
    sum += term / (2 * i + 1);
  }
  return 0.5 + sum / Math.sqrt(2 * Math.PI);
}
