import type { AlertRule } from './rules.ts';
import type { AlertReading } from './threshold.ts';
import { few, valueReading } from './threshold.ts';
import type { EvaluationKind } from '../evaluation/history.ts';
import { medianOf } from '../evaluation/history.ts';

/** One clean evaluation of a release; shares 0..1. */
export interface EvaluationRecord {
  /** Which run made it; `live` is a rollout's own. */
  readonly kind: EvaluationKind | 'live';
  readonly atMs: number;
  readonly release: string;
  readonly queries: number;
  readonly rAt5: number;
  /** R@5 that the release's own metrics.json promises; null where it does not say. */
  readonly expectedRAt5: number | null;
  readonly containAt50: number;
  /** R@5 after reranking minus R@5 before; null where only one of them was measured. */
  readonly rerankLift: number | null;
}

export type EvaluationsResult =
  /** Oldest first. */
  | { readonly kind: 'evaluations'; readonly records: readonly EvaluationRecord[] }
  | { readonly kind: 'missing'; readonly reason: string };

const DAY_MS = 24 * 3_600_000;
const MEDIAN_OVER_MS = 7 * DAY_MS;
const MEDIAN_AT_LEAST = 3;
const DIP_OVER_MS = 56 * DAY_MS;
/** A release by its newest evaluation; `few` without one that is at most `maxAgeMs` old. */
export function evaluationReading(
  rule: AlertRule,
  release: string,
  records: readonly EvaluationRecord[],
  maxAgeMs: number,
  nowMs: number,
): AlertReading {
  const newest = newestOf(release, records);
  if (newest === null) return few(`no evaluation of ${release}`);
  if (nowMs - newest.atMs > maxAgeMs) return few(`the newest evaluation of ${release} is too old`);
  const before = (overMs: number) =>
    records.filter(({ atMs }) => atMs < newest.atMs && atMs >= newest.atMs - overMs);
  const reading = (value: number) => ({
    ...valueReading(rule, value, newest.queries),
    evaluationMs: newest.atMs,
  });
  switch (rule.metric) {
    case 'containAt50':
      return reading(newest.containAt50);
    case 'rAt5Drop':
      return newest.expectedRAt5 === null
        ? few(`metrics.json of ${release} promises no R@5`)
        : reading(newest.expectedRAt5 - newest.rAt5);
    case 'rerankLift':
      return newest.rerankLift === null
        ? few('the evaluation did not measure both orders')
        : reading(newest.rerankLift);
    case 'rAt5UnderMedian': {
      const nights = before(MEDIAN_OVER_MS).filter(({ kind }) => kind === 'nightly');
      const earlier = nights.map(({ rAt5 }) => rAt5);
      return earlier.length < MEDIAN_AT_LEAST
        ? few(`${earlier.length} of ${MEDIAN_AT_LEAST} evaluations in the 7 days before`)
        : reading((medianOf(earlier) ?? Number.NaN) - newest.rAt5);
    }
    case 'containAt50Dip': {
      const earlier = before(DIP_OVER_MS).map(({ containAt50 }) => containAt50);
      return earlier.length === 0
        ? few('no evaluation before it')
        : reading(Math.max(...earlier) - newest.containAt50);
    }
    default:
      return few(`${rule.metric} is not read from evaluations`);
  }
}

/** A release's newest evaluation; null without one. */
export function newestOf(release: string, records: readonly EvaluationRecord[]): EvaluationRecord | null {
  return youngest(records.filter((record) => record.release === release));
}

/** The newest weekly maintenance that came to its evaluation, whatever its release; null without one. */
export function newestWeekly(records: readonly EvaluationRecord[]): EvaluationRecord | null {
  return youngest(records.filter(({ kind }) => kind === 'weekly'));
}

function youngest(records: readonly EvaluationRecord[]): EvaluationRecord | null {
  return records.reduce<EvaluationRecord | null>((a, b) => (a === null || b.atMs >= a.atMs ? b : a), null);
}
