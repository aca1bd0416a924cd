/** One line of artifacts/eval/history.jsonl: a clean evaluation, shares 0..1. */
export interface HistoryEntry {
  /** `<date>/<kind>/<release>`: the same key again is the same line. */
  readonly key: string;
  readonly kind: EvaluationKind;
  /** YYYYMMDD in UTC, the day on which it began. */
  readonly date: string;
  readonly atMs: number;
  readonly release: string;
  readonly queries: number;
  readonly articles: number;
  /** Rows of the corpus that was searched. */
  readonly ntotal: number;
  readonly R_at_5: number;
  readonly MRR: number;
  readonly Contain_at_50: number;
  /** R@5 that was promised for these queries: those whose answer has left the corpus are not among them. Lines of before have none. */
  readonly expected_R_at_5?: number | null | undefined;
  /** R@5 before and after reranking, whatever is served. */
  readonly plain_R_at_5: number;
  readonly reranked_R_at_5: number;
}

export const EVALUATION_KINDS = ['nightly', 'weekly'] as const;
export type EvaluationKind = (typeof EVALUATION_KINDS)[number];

export const TREND_METRICS = ['R_at_5', 'MRR', 'Contain_at_50'] as const;
export type TrendMetric = (typeof TREND_METRICS)[number];

/** Days of the rolling mean and of the median that a new value is held against. */
export const TREND_DAYS = 7;
const DAY_MS = 86_400_000;

/** A day with an evaluation, and what the days before it say. */
export interface TrendDay {
  /** Days since 1970 in UTC. */
  readonly day: number;
  readonly value: number;
  /** Mean of the evaluated days among the seven that end with this one. */
  readonly rollingMean: number;
}

/** Key of a line: one evaluation of a kind, of a release, a day. */
export function historyKey(entry: Pick<HistoryEntry, 'date' | 'kind' | 'release'>): string {
  return `${entry.date}/${entry.kind}/${entry.release}`;
}

/** Days since 1970 in UTC. */
export function dayOf(atMs: number): number {
  return Math.floor(atMs / DAY_MS);
}

/** The evaluated days of a kind, the oldest first; of several evaluations a day the last one counts. */
export function trendOf(
  history: readonly HistoryEntry[],
  kind: EvaluationKind,
  metric: TrendMetric,
): TrendDay[] {
  const byDay = valuesByDay(history, kind, metric);
  return [...byDay.keys()]
    .toSorted((a, b) => a - b)
    .map((day) => {
      const window = valuesWithin(byDay, day - TREND_DAYS + 1, day);
      const rollingMean = window.reduce((sum, value) => sum + value, 0) / window.length;
      return { day, value: byDay.get(day) ?? 0, rollingMean };
    });
}

/** The middle value, or the mean of the two in the middle. Null of nothing. */
export function medianOf(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

function valuesByDay(
  history: readonly HistoryEntry[],
  kind: EvaluationKind,
  metric: TrendMetric,
): ReadonlyMap<number, number> {
  const sorted = history.filter((entry) => entry.kind === kind).toSorted((a, b) => a.atMs - b.atMs);
  return new Map(sorted.map((entry) => [dayOf(entry.atMs), entry[metric]]));
}

function valuesWithin(byDay: ReadonlyMap<number, number>, from: number, to: number): number[] {
  return [...byDay].filter(([day]) => day >= from && day <= to).map(([, value]) => value);
}
