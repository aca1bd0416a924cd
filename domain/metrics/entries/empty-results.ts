import type { Count } from '../../statistics/proportion.ts';
import { absent, shareEstimate } from '../estimate.ts';
import type { LaneSelfMetrics } from '../lane-self-metrics.ts';
import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';
import { ofLaneItself } from '../of-lanes.ts';
import { shareModel } from '../power-model.ts';

/** A sound index finds something for every query. */
const USUAL_SHARE = 0;

/** Share of searches that return no result. */
export const emptyResults: MetricDefinition = {
  ...PLAIN,
  unit: 'share',
  source: 'lane',
  power: shareModel(USUAL_SHARE),
  estimate: ofLaneItself((own, question, { stable }) => {
    const what = 'answers without a result';
    if (question.compareTo === 'limit' || stable === null)
      return shareEstimate(question, emptyOf(own), null, what);
    if (stable.own.kind === 'missing') return absent(`stable: ${stable.own.reason}`);
    return shareEstimate(question, emptyOf(own), emptyOf(stable.own), what);
  }),
};

function emptyOf({
  before,
  after,
}: {
  readonly before: LaneSelfMetrics;
  readonly after: LaneSelfMetrics;
}): Count {
  return { hits: after.emptyAnswers - before.emptyAnswers, n: after.answers - before.answers };
}
