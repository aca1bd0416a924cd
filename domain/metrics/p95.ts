import { metricValue } from '../core/metric-value.ts';
import { wilson } from '../statistics/proportion.ts';
import type { Bound, Estimate } from './estimate.ts';
import { absent } from './estimate.ts';
import type { Question } from './evidence.ts';
import type { Histogram } from './histogram.ts';
import { SLOWER_SHARE, quantileMs, slowerThan, total } from './histogram.ts';

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
  if (p95 === null) return absent('no requests of the candidate');
  const stableP95 = question.compareTo === 'stable' && stable !== null ? quantileMs(stable, 0.95) : null;
  if (question.compareTo === 'stable' && stableP95 === null) return absent('no requests of stable');
  const inMs = (over: number | null) =>
    over === null || stableP95 === null ? over : Math.max(stableP95 * over, stableP95 + question.excessMs);
  const own = { warn: inMs(question.warnAbove), fail: inMs(question.failAbove) };
  const first = own.warn ?? own.fail;
  if (first === null) return absent('the row has no limit');
  const n = total(candidate);
  const compared = stableP95 === null ? '' : `, stable ${stableP95.toFixed(2)} ms`;
  return {
    measured: metricValue(p95, n),
    says: `P95 ${p95.toFixed(2)} ms of ${n}${compared}, limit ${first.toFixed(2)} ms`,
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
