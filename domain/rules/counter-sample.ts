import type { LaneName } from '../control/traffic-split.ts';
import type { LaneSelfMetrics } from '../metrics/lane-self-metrics.ts';
import type { LaneCounters, Snapshot } from '../metrics/snapshot.ts';

/** A snapshot cut down to what rules look back at. */
export interface CounterSample {
  readonly atMs: number;
  readonly processStartMs: number;
  readonly lanes: Readonly<Record<LaneName, LaneSample | null>>;
}

export interface LaneSample extends Pick<
  LaneCounters,
  'release' | 'requests' | 'errors' | 'rank1' | 'retrieval' | 'endToEnd' | 'rerank' | 'quality'
> {
  readonly own: OwnSample | null;
}

/** What the lane's process has summed up since it began. */
export type OwnSample = Pick<
  LaneSelfMetrics,
  'startSeconds' | 'inspected' | 'duplicateShares' | 'norms' | 'normErrors'
>;

export function sampleOf({ processStartMs, lanes }: Snapshot, nowMs: number): CounterSample {
  return {
    atMs: nowMs,
    processStartMs,
    lanes: { stable: laneSample(lanes.stable), candidate: laneSample(lanes.candidate) },
  };
}

function laneSample(counters: LaneCounters | null): LaneSample | null {
  if (counters === null) return null;
  const { release, requests, errors, rank1, retrieval, endToEnd, rerank, quality, own } = counters;
  return { release, requests, errors, rank1, retrieval, endToEnd, rerank, quality, own: ownSample(own) };
}

function ownSample(own: LaneSelfMetrics | null): OwnSample | null {
  if (own === null) return null;
  const { startSeconds, inspected, duplicateShares, norms, normErrors } = own;
  return { startSeconds, inspected, duplicateShares, norms, normErrors };
}

/** The lane at the start of a look-back, or as long ago as it is known; null where only the newest sample knows it. */
export function openingOf(
  lookBackMs: number,
  lane: LaneName,
  release: string,
  samples: readonly CounterSample[],
  nowMs: number,
): LaneSample | null {
  const started = samples.at(-1)?.processStartMs;
  // Counters of one gateway process and of one release; either one resets them.
  const same = samples
    .slice(0, -1)
    .filter(({ processStartMs, lanes }) => processStartMs === started && lanes[lane]?.release === release);
  return (same.findLast(({ atMs }) => atMs <= nowMs - lookBackMs) ?? same[0])?.lanes[lane] ?? null;
}

/** One sample more than the longest look-back: the one just before it opens the window. */
export function samplesInUse(
  samples: readonly CounterSample[],
  longestMs: number,
  nowMs: number,
): readonly CounterSample[] {
  return samples.slice(
    Math.max(
      0,
      samples.findLastIndex(({ atMs }) => atMs <= nowMs - longestMs),
    ),
  );
}

/** Whether a lane answers nobody, which is a failure and not missing data: it is down, or shut off. */
export function isDown(lane: LaneCounters, notReadyMs: number): boolean {
  return lane.breakerOpen || lane.notReadySeconds * 1000 > notReadyMs;
}
