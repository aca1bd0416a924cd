import { inapplicable } from '../estimate.ts';
import type { Lanes } from '../evidence.ts';
import type { Histogram } from '../histogram.ts';
import { total } from '../histogram.ts';
import { alikeLatencies, byKind } from '../like-with-like.ts';
import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';
import { ofContextQueries, ofLanes } from '../of-lanes.ts';
import { p95Estimate } from '../p95.ts';
import { p95Model } from '../power-model.ts';
import type { LaneWindow } from '../window.ts';

const LATENCY = { ...PLAIN, unit: 'ms', margin: 'slow', needsControl: true, power: p95Model } as const;

/** P95 of predict + search. */
export const retrievalP95: MetricDefinition = {
  ...LATENCY,
  estimate: ofLanes((lanes, question) =>
    p95Estimate(question, alike(lanes, question.compareTo, 'retrieval')),
  ),
};

/** P95 of retrieval + rerank. */
export const endToEndP95: MetricDefinition = {
  ...LATENCY,
  estimate: ofLanes((lanes, question) => p95Estimate(question, alike(lanes, question.compareTo, 'endToEnd'))),
};

/** P95 of reranking; not applicable while the reranker is off. */
export const rerankP95: MetricDefinition = {
  ...LATENCY,
  estimate: ofContextQueries(({ candidate, stable, live }, question) =>
    total(candidate.rerank) === 0 && total(candidate.endToEnd) > 0
      ? inapplicable('nothing was reranked')
      : p95Estimate(question, {
          candidate: candidate.rerank,
          stable: stable?.rerank ?? null,
          live: live?.rerank ?? null,
        }),
  ),
};

/** Both lanes' latencies, stable's in the proportions of the candidate's kinds of queries. */
function alike(
  { candidate, stable, live }: Lanes,
  compareTo: 'limit' | 'stable',
  name: 'retrieval' | 'endToEnd',
): { candidate: Histogram; stable: Histogram | null; live: Histogram | null } {
  const like = (lane: LaneWindow | null) =>
    lane === null
      ? null
      : alikeLatencies(
          byKind(candidate.kinds, (kind) => kind[name]),
          byKind(lane.kinds, (kind) => kind[name]),
        );
  const [compared, control] = [compareTo === 'stable' ? like(stable) : null, like(live)];
  const hasStable = compared !== null && total(compared.stable) > 0;
  return {
    candidate: hasStable ? compared.candidate : candidate[name],
    stable: compared?.stable ?? null,
    live: control?.stable ?? null,
  };
}
