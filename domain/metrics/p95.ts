import { metricValue } from '../core/metric-value.ts';
import { formatMs } from '../core/units.ts';
import { wilson } from '../statistics/proportion.ts';
import type { Bound, Estimate } from './estimate.ts';
import { absent } from './estimate.ts';
import type { Question } from './evidence.ts';
import type { Histogram } from './histogram.ts';
import { quantileMs, slowerThan, total } from './histogram.ts';
import { SLOWER_SHARE, slowerLimitMs } from './p95-limit.ts';

/** Latencies of both lanes, of the same mix of queries. */
interface Compared {
  readonly candidate: Histogram;
  /** What a relative row compares with. */
  readonly stable: Histogram | null;
  /** Stable's with users in the same minutes. */
  readonly live: Histogram | null;
}

/**
 * A P95 as the share of requests that are slower than each of the row's limits in ms, of which there may be 5 %: a share has an interval.
 * A relative row's limits lie so many times above stable's P95, and at least the plan's excess.
 */
export function p95Estimate(question: Question, { candidate, stable, live }: Compared): Estimate {
  const p95 = quantileMs(candidate, 0.95);
  if (p95 === null) return absent('no requests');
  const stableP95 = question.compareTo === 'stable' && stable !== null ? quantileMs(stable, 0.95) : null;
  if (question.compareTo === 'stable' && stableP95 === null) return absent('no requests to compare with');
  const inMs = (over: number | null) =>
    over === null || stableP95 === null
      ? over
      : slowerLimitMs(stableP95, { ratio: over, excessMs: question.excessMs });
  const own = { warn: inMs(question.warnAbove), fail: inMs(question.failAbove) };
  const first = own.warn ?? own.fail;
  if (first === null) return absent('the row has no limit');
  const n = total(candidate);
  const compared = stableP95 === null ? '' : ` against ${formatMs(stableP95)}`;
  return {
    measured: metricValue(p95, n),
    says: `P95 ${formatMs(p95)} of ${n}${compared}, limit ${formatMs(first)}`,
    counted: { what: 'slow requests', grows: true },
    warn: slowerThanLimit(candidate, live, own.warn),
    fail: slowerThanLimit(candidate, live, own.fail),
    own,
  };
}

function slowerThanLimit(candidate: Histogram, live: Histogram | null, limitMs: number | null): Bound | null {
  if (limitMs === null) return null;
  const ofStable = live === null || total(live) === 0 ? null : slowerThan(live, limitMs);
  return {
    over: SLOWER_SHARE,
    control: ofStable === null ? null : ofStable.hits / ofStable.n,
    count: slowerThan(candidate, limitMs),
    intervalOf: ({ hits, n }, z) => wilson(hits, n, z),
  };
}
