import type { Histogram } from './histogram.ts';
import { BOUNDS_MS, EMPTY, LATENCY_BOUNDS_SECONDS, histogramOf, plus } from './histogram.ts';
import type { LaneSelfMetrics } from './lane-self-metrics.ts';
import { LANE_METRICS, MAY_BE_NULL } from './lane-self-metrics.ts';
import type { Sample } from './prometheus-text.ts';
import { finite, gauge, sum } from './samples.ts';
import type { LaneName } from '../control/traffic-split.ts';
import type { KindCounters, LaneCounters, ShadowCounters, Snapshot, ExposureCounters } from './snapshot.ts';
import { GATEWAY_METRICS, OVERLAP_DEPTH } from './snapshot.ts';

/** Queries of this kind alone use a predictor, whose quality a release promises. */
const PREDICTED_KIND = 'context';

/** The counters of both lanes out of one scrape. Throws where a number that must be there is not. */
export function snapshotOf(samples: readonly Sample[], takenAtMs: number): Snapshot {
  const [stable, candidate] = [laneCounters(samples, 'stable'), laneCounters(samples, 'candidate')];
  return {
    takenAtMs,
    processStartMs: Math.round(gauge(samples, 'process_start_time_seconds') * 1000),
    uptimeMs: gauge(samples, GATEWAY_METRICS.uptime) * 1000,
    percent: gauge(samples, GATEWAY_METRICS.percent),
    epoch: gauge(samples, GATEWAY_METRICS.epoch),
    lanes: { stable, candidate },
    shadow: shadowCounters(samples, stable, candidate),
    touched: candidate === null ? null : touchedCounters(samples, candidate.release),
  };
}

/**
 * A lane's counters, for the release that the lane serves now (the readiness gauge names it). A counter which has
 * no series yet is 0: a request of that kind has not come. Null where the lane does not run.
 */
function laneCounters(samples: readonly Sample[], lane: LaneName): LaneCounters | null {
  const ofLane = samples.filter(({ labels }) => labels['lane'] === lane);
  const release = ofLane.find(({ name }) => name === GATEWAY_METRICS.laneReady)?.labels['release'];
  if (release === undefined) return null;
  const judged = ofLane.filter(({ labels }) => labels['release'] === release);
  const kinds = kindsOf(judged);
  const all = Object.values(kinds);
  const added = (name: 'retrieval' | 'endToEnd') => all.map((of) => of[name]).reduce(plus, EMPTY);
  const predicted = judged.filter(({ labels }) => labels['kind'] === PREDICTED_KIND);
  const hits = sum(predicted, GATEWAY_METRICS.quality, { hit: 'yes' });
  const changed = sum(predicted, GATEWAY_METRICS.rank1, { changed: 'yes' });
  return {
    release,
    requests: all.reduce((n, { requests }) => n + requests, 0),
    errors: all.reduce((n, { errors }) => n + errors, 0),
    warming: sum(judged, GATEWAY_METRICS.requests, { outcome: 'warming' }),
    retrieval: added('retrieval'),
    endToEnd: added('endToEnd'),
    rerank: histogram(judged, GATEWAY_METRICS.rerank),
    kinds,
    quality: { hits, total: hits + sum(predicted, GATEWAY_METRICS.quality, { hit: 'no' }) },
    rank1: { changed, total: changed + sum(predicted, GATEWAY_METRICS.rank1, { changed: 'no' }) },
    distinctKeys: sum(ofLane, GATEWAY_METRICS.distinctKeys),
    notReadySeconds: sum(ofLane, GATEWAY_METRICS.laneNotReady),
    breakerOpen: sum(ofLane, GATEWAY_METRICS.breakerOpen) > 0,
    own: laneOwn(judged),
  };
}

/** A lane's counters by kind; of those kinds alone that were asked and judged. */
function kindsOf(judged: readonly Sample[]): Record<string, KindCounters> {
  const kinds: Record<string, KindCounters> = {};
  for (const kind of new Set(judged.map(({ labels }) => labels['kind']))) {
    const samples = judged.filter(({ labels }) => labels['kind'] === kind);
    const errors = sum(samples, GATEWAY_METRICS.requests, { outcome: 'error' });
    const requests = errors + sum(samples, GATEWAY_METRICS.requests, { outcome: 'ok' });
    if (kind === undefined || requests === 0) continue;
    const encoded = (yes: string) => samples.filter(({ labels }) => labels['encoded'] === yes);
    kinds[kind] = {
      requests,
      errors,
      retrieval: histogram(samples, GATEWAY_METRICS.retrieval),
      endToEnd: histogram(samples, GATEWAY_METRICS.endToEnd),
      encode: histogram(samples, GATEWAY_METRICS.encode),
      request: histogram(encoded('no'), GATEWAY_METRICS.request),
      encodedRequest: histogram(encoded('yes'), GATEWAY_METRICS.request),
    };
  }
  return kinds;
}

/** What came to the candidate in all kinds of requests. */
function touchedCounters(samples: readonly Sample[], release: string): ExposureCounters {
  const requests = (outcome: string) =>
    sum(samples, GATEWAY_METRICS.requests, { lane: 'candidate', release, outcome });
  const failed = requests('error');
  const seen = sum(samples, GATEWAY_METRICS.userErrors, { lane: 'candidate', release });
  return { release, requests: requests('ok') + failed, failed, seen };
}

/** What was shadowed of these two lanes; null where the shadow is off, or there is no pair to compare. */
function shadowCounters(
  samples: readonly Sample[],
  stable: LaneCounters | null,
  candidate: LaneCounters | null,
): ShadowCounters | null {
  if (stable === null || candidate === null || gauge(samples, GATEWAY_METRICS.shadowPercent) === 0)
    return null;
  const pair = { release: candidate.release, against: stable.release };
  const hits = (of: string) => sum(samples, GATEWAY_METRICS.shadowHits, { ...pair, hits: of });
  const overlap = (between: string) => {
    const name = `${GATEWAY_METRICS.shadowOverlap}_bucket`;
    const upTo = (tenths: number) =>
      sum(samples, name, { ...pair, with: between, le: String(tenths / OVERLAP_DEPTH) });
    return Array.from({ length: OVERLAP_DEPTH + 1 }, (_, i) => upTo(i) - (i === 0 ? 0 : upTo(i - 1)));
  };
  return {
    ...pair,
    both: hits('both'),
    onlyStable: hits('stable'),
    onlyCandidate: hits('candidate'),
    neither: hits('none'),
    overlap: overlap('candidate'),
    selfOverlap: overlap('self'),
  };
}

/** What the lane counts of itself; null where it did not answer the gateway. Throws on half of it. */
function laneOwn(samples: readonly Sample[]): LaneSelfMetrics | null {
  if (!samples.some(({ name }) => name === LANE_METRICS.startSeconds)) return null;
  const values = (Object.keys(LANE_METRICS) as (keyof LaneSelfMetrics)[]).map((field) => {
    const name = LANE_METRICS[field];
    const absent = MAY_BE_NULL.includes(field) && !samples.some((sample) => sample.name === name);
    return [field, absent ? null : gauge(samples, name)] as const;
  });
  return Object.fromEntries(values) as unknown as LaneSelfMetrics;
}

/** Throws where the buckets are not the ones that this worker knows: two histograms could not be compared. */
function histogram(samples: readonly Sample[], name: string): Histogram {
  const byBound = new Map<number, number>();
  for (const { name: sampleName, labels, value } of samples) {
    if (sampleName !== `${name}_bucket`) continue;
    const bound = labels['le'] === '+Inf' ? Infinity : Number(labels['le']);
    byBound.set(bound, (byBound.get(bound) ?? 0) + finite(value, name));
  }
  if (byBound.size === 0) return EMPTY;
  const cumulative = [...LATENCY_BOUNDS_SECONDS, Infinity].map((bound) => {
    const count = byBound.get(bound);
    if (count === undefined)
      throw new Error(`${name} has no bucket le="${bound}": gateway and worker are of different versions`);
    return count;
  });
  if (byBound.size > cumulative.length)
    throw new Error(
      `${name} has ${byBound.size} buckets, not ${BOUNDS_MS.length + 1}: gateway and worker are of different versions`,
    );
  const counts = cumulative.map((count, i) => count - (cumulative[i - 1] ?? 0));
  if (counts.some((count) => count < 0)) throw new Error(`${name} is not cumulative`);
  return histogramOf(counts);
}
