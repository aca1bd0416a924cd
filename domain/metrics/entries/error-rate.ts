import { shareEstimate } from '../estimate.ts';
import { alikeErrors } from '../like-with-like.ts';
import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';
import { ofLanes } from '../of-lanes.ts';
import { shareModel } from '../power-model.ts';

const USUAL_SHARE = 0.001;

/** Share of judged requests of every kind that the lane failed. */
export const errorRate: MetricDefinition = {
  ...PLAIN,
  unit: 'share',
  margin: 'errorRate',
  needsControl: true,
  confirmed: true,
  power: shareModel(USUAL_SHARE),
  estimate: ofLanes(({ candidate, stable, live }, question) => {
    const compared =
      question.compareTo === 'stable' && stable !== null ? alikeErrors(candidate, stable) : null;
    const control = live === null ? null : alikeErrors(candidate, live);
    const share = control === null || control.n === 0 ? null : control.hits / control.n;
    return shareEstimate(question, candidate.errors, compared, 'errors', share);
  }),
};
