import type { HistoryEntry } from './history.ts';
import { TREND_DAYS, dayOf, medianOf, weekBefore } from './history.ts';
import type { Measured } from '../core/metric-value.ts';
import type { Notification } from '../notification/notification.ts';
import type { Verdict } from '../core/verdict.ts';

/** The runbook's limits, in points: under the 7-day median, and under what the release promised. */
const UNDER_MEDIAN_POINTS = 3;
const UNDER_RELEASE_POINTS = { warning: 5, critical: 10 } as const;
const LEAST_CONTAINMENT = 0.8;
/** A median of fewer days is one night's luck. */
const LEAST_DAYS = 3;
/** A hair beyond a limit in binary is still on it. */
const HAIR = 1e-9;

/** What an evaluation found; shares 0..1. */
export interface CleanQuality {
  readonly release: string;
  readonly atMs: number;
  readonly rAt5: Measured;
  readonly mrr: Measured;
  readonly containAt50: Measured;
  /** R@5 of the same queries when the release was built: its own metrics.json. */
  readonly expectedRAt5: Measured;
}

export interface DriftFinding {
  readonly rule: 'recallUnderMedian' | 'containment' | 'recallUnderRelease';
  readonly verdict: Verdict;
  readonly reason: string;
}

/**
 * Judges an evaluation by the runbook's rules on data drift. The nightly evaluations of the seven days before are what
 * it is held against; fewer than three of them are `unknown`, which is not green.
 */
export function judgeDrift(quality: CleanQuality, history: readonly HistoryEntry[]): DriftFinding[] {
  return [underMedian(quality, history), containment(quality), underRelease(quality)];
}

function underMedian({ rAt5, atMs }: CleanQuality, history: readonly HistoryEntry[]): DriftFinding {
  const rule = 'recallUnderMedian';
  if (rAt5.kind !== 'value') return { rule, verdict: 'unknown', reason: `R@5: ${rAt5.reason}` };
  const days = weekBefore(history, 'nightly', 'R_at_5', dayOf(atMs));
  const median = medianOf(days);
  if (median === null || days.length < LEAST_DAYS)
    return {
      rule,
      verdict: 'unknown',
      reason: `${days.length} of the ${TREND_DAYS} days before have a nightly evaluation, ${LEAST_DAYS} are needed`,
    };
  const under = 100 * (median - rAt5.value);
  const says = `R@5 ${rAt5.value.toFixed(3)}, the median of ${days.length} nights before is ${median.toFixed(3)}`;
  if (under <= UNDER_MEDIAN_POINTS + HAIR) return { rule, verdict: 'green', reason: says };
  return {
    rule,
    verdict: 'warn',
    reason: `${says}: more than ${UNDER_MEDIAN_POINTS} points under it; look at what changed in the corpus`,
  };
}

function containment({ containAt50 }: CleanQuality): DriftFinding {
  const rule = 'containment';
  if (containAt50.kind !== 'value')
    return { rule, verdict: 'unknown', reason: `Contain@50: ${containAt50.reason}` };
  const says = `Contain@50 ${containAt50.value.toFixed(3)} of ${containAt50.n} queries`;
  if (containAt50.value >= LEAST_CONTAINMENT - HAIR) return { rule, verdict: 'green', reason: says };
  return {
    rule,
    verdict: 'warn',
    reason: `${says}, below ${LEAST_CONTAINMENT}; look at the index, rebuild it with more lists`,
  };
}

function underRelease({ release, rAt5, expectedRAt5 }: CleanQuality): DriftFinding {
  const rule = 'recallUnderRelease';
  if (rAt5.kind !== 'value') return { rule, verdict: 'unknown', reason: `R@5: ${rAt5.reason}` };
  if (expectedRAt5.kind !== 'value')
    return {
      rule,
      verdict: 'unknown',
      reason: `R@5 of ${release} when it was built: ${expectedRAt5.reason}`,
    };
  const points = 100 * (expectedRAt5.value - rAt5.value);
  const says = `R@5 ${rAt5.value.toFixed(3)}, ${release} had ${expectedRAt5.value.toFixed(3)} when it was built`;
  const { warning, critical } = UNDER_RELEASE_POINTS;
  if (points > critical + HAIR)
    return {
      rule,
      verdict: 'red',
      reason: `${says}: more than ${critical} points lost; data or model changed`,
    };
  if (points > warning - HAIR)
    return {
      rule,
      verdict: 'warn',
      reason: `${says}: ${warning} to ${critical} points lost; reranker on, or train it anew`,
    };
  return { rule, verdict: 'green', reason: says };
}

const SEVERITY = { green: null, unknown: null, warn: 'warning', red: 'critical' } as const;

/** As which metric the rules of `monitor` watch it. */
const METRIC = {
  recallUnderMedian: 'rAt5UnderMedian',
  containment: 'containAt50',
  recallUnderRelease: 'rAt5Drop',
} as const satisfies Record<DriftFinding['rule'], string>;

/** Key of the message about one metric of one evaluation, whoever sends it: a person is told once. */
export function driftKey(of: {
  readonly release: string;
  readonly metric: string;
  readonly severity: Notification['severity'];
  /** When the evaluation began. */
  readonly atMs: number;
}): string {
  return `drift/${of.release}/${of.metric}/${of.severity}/${of.atMs}`;
}

/** A message for each finding that is to be told, by the key that `monitor` has for it. */
export function driftNotifications(
  { release, date, kind, atMs }: HistoryEntry,
  findings: readonly DriftFinding[],
): Notification[] {
  return findings.flatMap(({ rule, verdict, reason }) => {
    const severity = SEVERITY[verdict];
    if (severity === null) return [];
    const title = `data drift: ${release}, ${kind} evaluation of ${date}`;
    const dedupeKey = driftKey({ release, metric: METRIC[rule], severity, atMs });
    return [{ severity, title, text: reason, dedupeKey }];
  });
}
