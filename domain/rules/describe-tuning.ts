import { formatMs } from '../core/units.ts';
import type { LatencyNeed, RecallNeed, TuningNeed } from './tuning-trigger.ts';

/** What decides whether nprobe is tuned, with its numbers: latency first, and both where neither asks for it. */
export function describeTuningNeed({ verdict, latency, recall }: TuningNeed): string {
  if (verdict === 'pass') return `${describeLatency(latency)}; ${describeRecall(recall)}`;
  return latency.verdict === verdict ? describeLatency(latency) : describeRecall(recall);
}

function describeLatency(need: LatencyNeed): string {
  switch (need.verdict) {
    case 'pass':
      return `P95 of retrieval was ${formatMs(need.p95Ms)} in one of the last windows`;
    case 'inconclusive':
      return `P95 of retrieval is known in ${need.known} of the last ${need.least} windows`;
    case 'fail': {
      const p95s = need.p95sMs.map((ms) => ms.toFixed(2)).join(', ');
      return `P95 of retrieval was ${p95s} ms in the last ${need.p95sMs.length} windows, over ${need.limitMs} ms`;
    }
    default:
      return need satisfies never;
  }
}

function describeRecall(need: RecallNeed): string {
  if (need.verdict === 'inconclusive')
    return `live recall is known of ${need.queries} queries of the last hour, at least ${need.least} are needed`;
  const { underPoints, queries, limitPoints, verdict } = need;
  const measured = `live recall@10 was ${underPoints.toFixed(1)} points under FLAT over the last hour (${queries} queries)`;
  return verdict === 'fail' ? `${measured}, more than ${limitPoints}` : measured;
}
