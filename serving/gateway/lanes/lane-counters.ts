import type { Dispatcher } from 'undici';
import type { LaneSelfMetrics, LaneMetricsResponse } from '../../../domain/metrics/lane-self-metrics.ts';
import { LANE_METRICS, MAY_BE_NULL } from '../../../domain/metrics/lane-self-metrics.ts';

/** A lane that needs longer has no counters in this scrape: what reads them does not know, and asks again. */
const WITHIN_MS = 1_000;

/** What a lane counts of itself; null where it does not answer in time, or answers anything else. Never throws. */
export async function askCounters(pool: Dispatcher | null): Promise<LaneMetricsResponse | null> {
  if (pool === null) return null;
  try {
    const answer = await pool.request({
      method: 'GET',
      path: '/counters',
      signal: AbortSignal.timeout(WITHIN_MS),
    });
    const body = (await answer.body.json()) as LaneMetricsResponse;
    return answer.statusCode === 200 && isWhole(body) ? body : null;
  } catch {
    return null;
  }
}

/** JSON turns what is no number into null: half of a report is none. */
function isWhole({ own, listRows }: Partial<LaneMetricsResponse>): boolean {
  if (typeof own !== 'object' || typeof listRows !== 'object') return false;
  return (Object.keys(LANE_METRICS) as (keyof LaneSelfMetrics)[]).every(
    (field) => Number.isFinite(own[field]) || (own[field] === null && MAY_BE_NULL.includes(field)),
  );
}
