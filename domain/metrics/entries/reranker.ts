import type { Count } from '../../statistics/proportion.ts';
import { inapplicable, shareEstimate } from '../estimate.ts';
import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';
import { ofContextQueries } from '../of-lanes.ts';
import { shareModel } from '../power-model.ts';

const USUAL_ACCEPTANCE = 0.3;

/** Share of queries whose rank 1 the reranker changed. */
export const rerankerAcceptance: MetricDefinition = {
  ...PLAIN,
  unit: 'share',
  power: shareModel(USUAL_ACCEPTANCE),
  estimate: ofReranked((rank1) => rank1, 'changes of rank 1'),
};

/** Share of queries whose rank 1 the reranker left as it was. */
export const rerankerIdle: MetricDefinition = {
  ...PLAIN,
  unit: 'share',
  estimate: ofReranked(({ hits, n }) => ({ hits: n - hits, n }), 'queries left as they were'),
};

function ofReranked(share: (rank1: Count) => Count, what: string): MetricDefinition['estimate'] {
  return ofContextQueries(({ candidate: { rank1, quality } }, question) =>
    rank1.n === 0 && quality.n > 0
      ? inapplicable('the reranker is off')
      : shareEstimate(question, share(rank1), null, what),
  );
}
