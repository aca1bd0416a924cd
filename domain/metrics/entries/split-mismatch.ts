import { splitPValue } from '../../statistics/proportion.ts';
import { formatShare } from '../../core/units.ts';
import { absent, exact, inapplicable } from '../estimate.ts';
import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';
import { ofLanes } from '../of-lanes.ts';
import type { LaneWindow } from '../window.ts';

/** P-value of the split of distinct request keys against the percent (sample-ratio mismatch). */
export const splitMismatch: MetricDefinition = {
  ...PLAIN,
  unit: 'p',
  estimate: ofLanes(({ candidate }, question) => {
    const { percent, stable } = question.evidence.window;
    if (percent <= 0 || percent >= 100) return inapplicable(`nothing is split at ${percent} %`);
    const [here, all] = [candidate.distinctKeys, candidate.distinctKeys + (stable?.distinctKeys ?? 0)];
    if (all === 0) return absent('no request keys were seen');
    const p = splitPValue(here, all - here, percent / 100);
    const says = `${here} of ${all} request keys on the candidate (p ${p.toPrecision(2)})${requestShare(candidate, stable)}`;
    // Turned round, so that more is worse: 1 - p beyond 0.999 is p < 0.001.
    return exact(question, 1 - p, says, all);
  }),
};

/** Of requests the split is not judged: a few users send most of them. It is what a person expects to see. */
function requestShare({ errors }: LaneWindow, stable: LaneWindow | null): string {
  const all = errors.n + (stable?.errors.n ?? 0);
  return all === 0 ? '' : `, ${formatShare(errors.n / all)} of the requests`;
}
