/**
 * The clock of a process that answers with counters: in a live source it is never twice the same. A cache in between, or
 * an exporter that is stuck, goes on answering with an old body; then nothing is known, which is not "no traffic".
 */
export interface SourceClock {
  /** Start of the process, ms since 1970: names the process. */
  readonly processStartMs: number;
  /** How long it has run, on its own monotonic clock. */
  readonly uptimeMs: number;
}

/** The clocks that a reader has seen of one source. Plain JSON. */
export interface SeenClocks {
  readonly newest: SourceClock;
  /** Of a process that began before the newest one, read once: an old body, or a start after the time was set back. */
  readonly doubted: SourceClock | null;
}

/**
 * Whether a reading is newer than all that was seen of its source before, and what is seen with it. The first reading
 * counts as new. A body of an earlier process counts once its clock has moved between two readings.
 */
export function seeClock(
  seen: SeenClocks | null,
  { processStartMs, uptimeMs }: SourceClock,
): { readonly seen: SeenClocks; readonly moved: boolean } {
  const clock = { processStartMs, uptimeMs };
  if (seen === null || processStartMs > seen.newest.processStartMs)
    return { seen: { newest: clock, doubted: null }, moved: true };
  if (processStartMs === seen.newest.processStartMs)
    return uptimeMs > seen.newest.uptimeMs
      ? { seen: { newest: clock, doubted: null }, moved: true }
      : { seen, moved: false };
  const { doubted } = seen;
  if (doubted?.processStartMs !== processStartMs) return { seen: { ...seen, doubted: clock }, moved: false };
  return uptimeMs > doubted.uptimeMs
    ? { seen: { newest: clock, doubted: null }, moved: true }
    : { seen, moved: false };
}

/** What is said of a reading that is not newer than the one before. */
export const STANDS_STILL = 'no data: the metrics stand still, the source answers with an old body';

/** A window may end, or begin, with a body that is so old; a short one with one of half its length. */
const OLDEST_BODY_MS = 120_000;

/**
 * Whether two readings of one process, `tookMs` apart by the reader's clock, are a window of that time. `old`: the
 * closing is no newer than the opening. `uneven`: one of both ends is older than it looks, or the reader's clock was set.
 */
export function windowClock(
  from: Pick<SourceClock, 'uptimeMs'>,
  to: Pick<SourceClock, 'uptimeMs'>,
  tookMs: number,
): 'even' | 'old' | 'uneven' {
  const movedMs = to.uptimeMs - from.uptimeMs;
  if (tookMs !== 0 && movedMs <= 0) return 'old';
  const apartMs = Math.abs(tookMs - movedMs);
  return apartMs > OLDEST_BODY_MS || tookMs - movedMs > tookMs / 2 ? 'uneven' : 'even';
}
