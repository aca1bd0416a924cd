import type { Measured } from '../core/metric-value.ts';
import type { GateRow, Plan } from '../plan/plan.ts';
import type { Reading } from './reading.ts';
import { sayLimit } from './reading.ts';
import type { Limits } from './limits.ts';
import { byPoint, intervalVerdict } from './limits.ts';
import type { Interval } from '../statistics/proportion.ts';
import { distanceOf } from './sensitivity.ts';
import type { Verdict } from '../core/verdict.ts';

/** One judged row: what was measured, the interval that decided, and why. */
export interface RowVerdict {
  readonly row: GateRow;
  /** The kind of queries that it is of, where a row is judged by kind. */
  readonly kind?: string;
  readonly verdict: Verdict;
  readonly measured: Measured;
  /** In the metric's own terms; null where nothing could be measured. */
  readonly interval: Interval | null;
  readonly reason: string;
  /** How far it was from another verdict, e.g. `red at 12 more errors`; null where that is not a matter of counts. */
  readonly distance: string | null;
}

/** The verdict on a reading against a row's limits. */
export function decide(plan: Plan, row: GateRow, reading: Reading, limits: Limits): RowVerdict {
  const { measured: m, interval, counted } = reading;
  if (m.kind !== 'value' || interval === null) return notMeasured(row, reading);
  const point = byPoint(plan, row);
  const enough = m.n >= row.minSamples;
  const verdict = enough
    ? intervalVerdict(point ? { low: m.value, high: m.value } : interval, limits)
    : 'unknown';
  const distance =
    counted === undefined
      ? null
      : distanceOf(counted, verdict, ({ hits, n }) =>
          n < row.minSamples
            ? 'unknown'
            : intervalVerdict(counted.intervalOf({ hits, n }, point ? 0 : counted.z), limits),
        );
  const reason = enough
    ? `${reading.says}${because(verdict, row, limits, sayLimit)}`
    : `${reading.says}: ${m.n} samples of at least ${row.minSamples}`;
  return { row, verdict, measured: m, interval, reason: `${row.metric}: ${reason}`, distance };
}

/** A row without a number, or that has no meaning now. */
export function notMeasured(
  row: GateRow,
  { measured, interval, says }: Reading,
  name: string = row.metric,
): RowVerdict {
  return { row, verdict: 'unknown', measured, interval, reason: `${name}: ${says}`, distance: null };
}

/** Why a verdict is what it is, in words that follow the reading. */
export function because(verdict: Verdict, row: GateRow, limits: Limits, say: typeof sayLimit): string {
  const first = limits.warn ?? limits.red;
  switch (verdict) {
    case 'green':
      return `, within ${say(row, limits.within)}`;
    case 'warn':
      return `, beyond ${say(row, limits.warn)} for a warning`;
    case 'red':
      return `, beyond ${say(row, limits.red)}`;
    case 'unknown':
      return limits.within === first
        ? `, not proven to be within ${say(row, first)} yet`
        : `, neither proven to be within ${say(row, limits.within)} nor beyond ${say(row, first)} yet`;
    default:
      return verdict satisfies never;
  }
}
