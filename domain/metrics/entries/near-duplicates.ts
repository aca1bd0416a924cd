import { metricValue } from '../../core/metric-value.ts';
import { formatShare } from '../../core/units.ts';
import { absent, bounds } from '../estimate.ts';
import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';
import { ofLaneItself } from '../of-lanes.ts';

/** One of so many answers is looked at for near-duplicates (INSPECT_EVERY of the retriever). */
const INSPECT_EVERY = 100;

/**
 * Mean share of the top 50 whose cosine with a better result is over 0.98. The results of one answer are not independent, the
 * answers are: the interval is that of a mean over answers.
 */
export const nearDuplicates: MetricDefinition = {
  ...PLAIN,
  unit: 'share',
  source: 'lane',
  power: 'samples',
  sampledShare: (percent) => percent / 100 / INSPECT_EVERY,
  estimate: ofLaneItself(({ before, after }, question) => {
    const n = after.inspected - before.inspected;
    if (n <= 0) return absent('no answer was looked at closely');
    const mean = (after.duplicateShares - before.duplicateShares) / n;
    const squares = after.duplicateShareSquares - before.duplicateShareSquares;
    const variance = n > 1 ? Math.max(0, squares - n * mean ** 2) / (n - 1) : 0;
    const intervalOf = (half: number) => ({ low: mean - half, high: mean + half });
    return {
      measured: metricValue(mean, n),
      says: `${formatShare(mean)} of the top 50 nearly repeat a better one, in ${n} answers`,
      counted: null,
      ...bounds(question, {
        count: { hits: 0, n },
        // One answer alone has no spread: it proves nothing.
        intervalOf: (_count, z) => (n > 1 ? intervalOf(z * Math.sqrt(variance / n)) : { low: 0, high: 1 }),
      }),
    };
  }),
};
