import type { Count } from '../../statistics/proportion.ts';
import type { Estimate } from '../estimate.ts';
import { absent, inapplicable, shareEstimate } from '../estimate.ts';
import type { LaneSelfMetrics } from '../lane-self-metrics.ts';
import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';
import { ofLaneItself } from '../of-lanes.ts';

/** Share of texts for which the encoder had to run. */
export const cacheMisses: MetricDefinition = {
  ...PLAIN,
  unit: 'share',
  source: 'lane',
  estimate: ofLaneItself(({ before, after }, question, { stable }) => {
    const misses = missesOf(before, after);
    if (misses.n === 0) return inapplicable('no texts were encoded');
    if (question.compareTo === 'limit' || stable === null)
      return said(shareEstimate(question, misses, null, 'misses'));
    if (stable.own.kind === 'missing') return absent(`stable: ${stable.own.reason}`);
    return said(shareEstimate(question, misses, missesOf(stable.own.before, stable.own.after), 'misses'));
  }),
};

function said(estimate: Estimate): Estimate {
  return { ...estimate, says: `the cache missed ${estimate.says}` };
}

function missesOf(before: LaneSelfMetrics, after: LaneSelfMetrics): Count {
  const missed = after.textsEncoded - before.textsEncoded;
  return { hits: missed, n: missed + after.textsCached - before.textsCached };
}
