import type { Verdict } from '../core/verdict.ts';
import { LEAST_CONTAINMENT } from './limits.ts';

/** One metric before and after. */
export interface MetricChange {
  readonly metric: string;
  readonly before: number | null;
  readonly after: number | null;
  /** Percentage points; null where a number is missing. */
  readonly points: number | null;
  readonly verdict: Verdict;
  readonly reason: string;
}

/** Shares that the metrics file has; the runbook limits R@5 and Contain@50, the others inform. */
const METRICS = ['R_at_1', 'R_at_5', 'R_at_10', 'R_at_20', 'R_at_50', 'MRR', 'Contain_at_50'] as const;
const LIMITED: readonly string[] = ['R_at_5', 'Contain_at_50'];
/** Falls of R@5 in points: up to the first is stable, beyond the second a fail (runbook, T+8h). */
const R_AT_5_POINTS = { stable: 2, fail: 5 };
/** A hair beyond a limit in binary is still on it. */
const HAIR = 1e-9;

/** The change of each metric and whether it is within the runbook's limits; a missing number is `unknown`. */
export function metricChanges(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): MetricChange[] {
  return METRICS.map((metric) => {
    const [from, to] = [shareOf(before[metric]), shareOf(after[metric])];
    const points = from === null || to === null ? null : 100 * (to - from);
    return { metric, before: from, after: to, points, ...judged(metric, to, points) };
  });
}

function judged(
  metric: string,
  after: number | null,
  points: number | null,
): Pick<MetricChange, 'verdict' | 'reason'> {
  if (after === null || points === null)
    return LIMITED.includes(metric)
      ? { verdict: 'inconclusive', reason: 'is missing, or no share, in one of the files' }
      : { verdict: 'pass', reason: 'not in both files; informs only' };
  if (metric === 'R_at_5') return judgedRecall(points);
  if (metric === 'Contain_at_50' && after < LEAST_CONTAINMENT - HAIR)
    return { verdict: 'warn', reason: `is below ${LEAST_CONTAINMENT}` };
  return {
    verdict: 'pass',
    reason: metric === 'Contain_at_50' ? `at least ${LEAST_CONTAINMENT}` : 'informs only',
  };
}

function judgedRecall(points: number): Pick<MetricChange, 'verdict' | 'reason'> {
  const { stable, fail } = R_AT_5_POINTS;
  if (points < -fail - HAIR) return { verdict: 'fail', reason: `fell by more than ${fail} points` };
  if (points < -stable - HAIR) return { verdict: 'warn', reason: `fell by ${stable} to ${fail} points` };
  if (points > stable + HAIR) return { verdict: 'pass', reason: `rose by more than ${stable} points` };
  return { verdict: 'pass', reason: `within ${stable} points` };
}

function shareOf(value: unknown): number | null {
  return typeof value === 'number' && value >= 0 && value <= 1 ? value : null;
}
