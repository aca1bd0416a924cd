/** A time of the day, and how it can fail to come once a day. */
export interface OddDay {
  /** As YYYY-MM-DD of the zone. */
  readonly date: string;
  /** Clocks jump over it, or pass it a second time. */
  readonly kind: 'skipped' | 'repeated';
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const YEARS = 10;
/** No zone changes its clocks twice within this. */
const STEP_MS = 3 * DAY_MS;

/**
 * The first day of the next ten years on which that time of the day is skipped or repeated in the zone, as summer time
 * does it; null where there is none. Between 04:00 and 20:59 no zone has one (test/scripts/commands/schedules).
 * @param weekday of the days that matter, 0 for Sunday; null for all
 */
export function oddDay(
  zone: string,
  { hour, minute }: { readonly hour: number; readonly minute: number },
  weekday: number | null,
  fromMs: number,
): OddDay | null {
  const offsetAt = offsets(zone);
  const ofDayMs = (hour * 60 + minute) * MINUTE_MS;
  let before = offsetAt(fromMs);
  for (let ms = fromMs; ms < fromMs + YEARS * 365.25 * DAY_MS; ms += STEP_MS) {
    const after = offsetAt(ms + STEP_MS);
    if (after !== before) {
      const changeMs = changeWithin(offsetAt, ms, ms + STEP_MS);
      const [low, high] = [changeMs + Math.min(before, after), changeMs + Math.max(before, after)];
      // The local time of that name on the day of the change, or on the one after where the change spans midnight.
      const first = Math.floor(low / DAY_MS) * DAY_MS + ofDayMs;
      const local = first >= low ? first : first + DAY_MS;
      if (local < high && (weekday === null || new Date(local).getUTCDay() === weekday))
        return {
          date: new Date(local).toISOString().slice(0, 10),
          kind: after > before ? 'skipped' : 'repeated',
        };
    }
    before = after;
  }
  return null;
}

/** The first minute of the new offset, of the one change between both. */
function changeWithin(offsetAt: (ms: number) => number, fromMs: number, toMs: number): number {
  const before = offsetAt(fromMs);
  let [low, high] = [Math.floor(fromMs / MINUTE_MS), Math.ceil(toMs / MINUTE_MS)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle * MINUTE_MS) === before) low = middle;
    else high = middle;
  }
  return high * MINUTE_MS;
}

/** Milliseconds by which a zone's clocks are ahead of UTC, at a moment. */
function offsets(zone: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (ms) => {
    const second = Math.floor(ms / 1000) * 1000;
    const part = Object.fromEntries(
      format.formatToParts(second).map(({ type, value }) => [type, Number(value)]),
    );
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second: s = 0 } = part;
    return Date.UTC(year, month - 1, day, hour, minute, s) - second;
  };
}

/** A moment as a clock of the zone shows it. */
export function localTime(zone: string, at: Date): string {
  const local = new Date(at.getTime() + offsets(zone)(at.getTime())).toISOString();
  return `${local.slice(0, 10)} ${local.slice(11, 16)}`;
}
