import { formatPercent, formatPoints, hundredths } from '../core/units.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Estimate } from '../metrics/estimate.ts';
import { definitionOf } from '../metrics/registry.ts';
import type { CheckedRow, Limits } from './classify.ts';
import { SLOWER_SHARE } from '../metrics/p95-limit.ts';

interface Result {
  readonly row: CheckedRow;
  readonly estimate: Estimate;
  readonly verdict: Verdict;
  readonly limits: Limits;
  /** Whether the measured value decided. */
  readonly point: boolean;
  readonly samples: number;
}

/** Which limit is named. */
type Which = 'warn' | 'fail' | 'within';

/** What a row is of, as a person reads it. */
export function nameOf({ metric }: Pick<CheckedRow, 'metric'>, kind: string | undefined): string {
  return kind === undefined ? metric : `${metric} of ${kind} queries`;
}

/** What was measured, and why the verdict on it is what it is. */
export function describeResult(result: Result): string {
  const { row, estimate, samples } = result;
  const measured = `${nameOf(row, estimate.kind)}: ${estimate.says}`;
  return samples < row.minSamples
    ? `${measured}: ${samples} samples of at least ${row.minSamples}`
    : `${measured}${because(result)}`;
}

function because(result: Result): string {
  const { verdict, limits, estimate } = result;
  const first = limits.warn === null ? 'fail' : 'warn';
  const say = (which: Which) => formatLimit(result, which);
  switch (verdict) {
    case 'pass':
      return `, within ${say('within')}`;
    case 'warn':
      return `, beyond ${say('warn')} for a warning`;
    case 'fail':
      return `, beyond ${say('fail')}`;
    case 'inconclusive':
      return limits.within === limits[first] || estimate.own !== undefined
        ? `, not proven to be within ${say(first)} yet`
        : `, neither proven to be within ${say('within')} nor beyond ${say(first)} yet`;
    default:
      return verdict satisfies never;
  }
}

/** A row's limit as a person reads it, in its metric's unit. */
function formatLimit({ row: { metric, compareTo }, limits, point }: Result, which: Which): string {
  const over = limits[which];
  if (over === null) return 'the limit';
  const { unit } = definitionOf(metric);
  switch (unit) {
    case 'p':
      return `p = ${over}`;
    case 'ratio':
      return `${over} times`;
    case 'share':
    case 'points':
      return unit === 'share' && compareTo === 'limit' ? formatPercent(over) : formatPoints(over);
    case 'ms':
      return point ? 'the limit' : formatShareOfSlow(limits, which);
    default:
      return unit satisfies never;
  }
}

/** A P95's limit in ms stands with what was measured; here stands which share of slow requests it allows. */
function formatShareOfSlow({ warn, fail, within }: Limits, which: Which): string {
  if ((warn ?? fail ?? 0) > SLOWER_SHARE) return 'what stable keeps in the same minutes';
  const extra = hundredths(within - SLOWER_SHARE);
  return which === 'within' && extra > 0 ? `the limit and ${extra} points` : 'the limit';
}
