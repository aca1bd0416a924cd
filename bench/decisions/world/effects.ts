import type { LaneName } from '../../../domain/control/traffic-split.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** Whose requests an effect is about; absent: everybody's. `share` is of the client keys, by their hash. */
type Affected =
  | { readonly kind: 'heaviest' }
  | { readonly kind: 'client'; readonly rank: number }
  | { readonly kind: 'segment'; readonly share: number };

/** Something that happens to lanes, users or telemetry for a while. Times are ms from T0. */
export interface Effect {
  readonly fromMs: number;
  readonly toMs: number;
  /** Edges: it comes and goes within so many ms. */
  readonly edgeMs?: number;
  /** Absent: both. */
  readonly lane?: LaneName;
  readonly affected?: Affected;
  /** Only while the candidate has at least this percent. */
  readonly fromPercent?: number;
  /** Share of requests that fail besides. */
  readonly errors?: number;
  /** Latencies are so many times what they were. */
  readonly slower?: number;
  /** Share of requests that are `tailTimes` as slow, as after a pause of the garbage collector. */
  readonly tail?: number;
  readonly tailTimes?: number;
  /** Share of queries that find nothing above tau any more. */
  readonly misses?: number;
  /** R@5 that the labelled evaluation loses. */
  readonly rAt5?: number;
  /** Requests are so many times as many, of those who are affected. */
  readonly load?: number;
  /** The latency grows by this share each hour, and memory with it. */
  readonly leakPerHour?: number;
  /** The lane answers nobody; a new process stands there at the end, with cold caches. */
  readonly down?: boolean;
  /** The gateway is restarted at `fromMs`: no metrics until `toMs`, then counters from 0. */
  readonly gatewayRestart?: boolean;
  /** Metrics do not answer; or answer with an old body. */
  readonly dark?: boolean;
  readonly stale?: boolean;
  /** The candidate gets no users, whatever the percent. */
  readonly noUsers?: boolean;
  /** The labelled evaluation does not answer. */
  readonly noEvaluation?: boolean;
  /** Share of empty answers, and of near-duplicates among the results. */
  readonly empty?: number;
  readonly duplicates?: number;
}

/** How much of an effect is felt, 0..1: its edges are slopes. */
export function strength({ fromMs, toMs, edgeMs = 0 }: Effect, atMs: number): number {
  if (atMs < fromMs || atMs >= toMs) return 0;
  if (edgeMs === 0) return 1;
  return Math.min(1, (atMs - fromMs) / edgeMs, (toMs - atMs) / edgeMs);
}

/** Whether an effect is about the client of this rank, 0 the heaviest. */
export function affects({ affected }: Effect, rank: number): boolean {
  if (affected === undefined) return true;
  if (affected.kind === 'heaviest') return rank === 0;
  if (affected.kind === 'client') return rank === affected.rank;
  // Ranks are spread over a segment as a hash would spread keys: no segment is the heavy clients' own.
  return (rank * 37) % 100 < affected.share * 100;
}

/** What one lane does to a request at a moment. */
export interface LaneMoment {
  errors: number;
  slower: number;
  tail: number;
  tailTimes: number;
  misses: number;
  down: boolean;
  empty: number;
  duplicates: number;
}

export const calm = (): LaneMoment => ({
  errors: 0,
  slower: 1,
  tail: 0,
  tailTimes: 1,
  misses: 0,
  down: false,
  empty: 0,
  duplicates: 0,
});

/** Adds an effect to what a lane does. */
export function apply(to: LaneMoment, effect: Effect, felt: number, hoursOn: number): void {
  to.errors += (effect.errors ?? 0) * felt;
  to.slower *= 1 + ((effect.slower ?? 1) - 1) * felt;
  to.slower *= 1 + (effect.leakPerHour ?? 0) * hoursOn;
  if (effect.tail !== undefined) {
    to.tail += effect.tail * felt;
    to.tailTimes = Math.max(to.tailTimes, effect.tailTimes ?? 1);
  }
  to.misses += (effect.misses ?? 0) * felt;
  to.empty += (effect.empty ?? 0) * felt;
  to.duplicates += (effect.duplicates ?? 0) * felt;
  to.down ||= effect.down === true;
}
