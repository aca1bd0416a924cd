import { wilson } from '../statistics/proportion.ts';
import type { PreflightCheck } from './report.ts';

/** A release of another family of models has to contain the right chunk for more of the queries than this. */
const CONTAINMENT_OVER = 0.85;
/** Two-sided 95 %. */
const Z = 1.96;

/** What an evaluation found, on articles that no model of the release was trained on. */
export interface ContainmentEvidence {
  /** Family of models as the manifest declares it. */
  readonly backbone: string;
  /** Share 0..1 of the queries whose right chunk is among the 50. */
  readonly containAt50: number;
  readonly queries: number;
  /** Articles of the evaluation that one of the models was trained on: with any, it shows nothing. */
  readonly trainedOn: readonly string[];
}

/**
 * The gate before another backbone is shipped: the whole 95 % interval (Wilson) of Contain@50 lies above 85 %, on an
 * article-disjoint evaluation. Too few queries to show it are `unknown`, which ships nothing either.
 */
export function twoTowerGate(evidence: ContainmentEvidence): PreflightCheck {
  const { backbone, containAt50, queries, trainedOn } = evidence;
  const row = (verdict: PreflightCheck['verdict'], reason: string): PreflightCheck => ({
    name: 'two-tower gate',
    verdict,
    reason: `backbone ${backbone}: ${reason}`,
  });
  if (trainedOn.length > 0)
    return row('fail', `the evaluation holds articles of the training: ${trainedOn.slice(0, 3).join(', ')}`);
  if (!(queries > 0) || !(containAt50 >= 0 && containAt50 <= 1))
    return row('inconclusive', 'Contain@50 was not measured');
  const { low, high } = wilson(Math.round(containAt50 * queries), queries, Z);
  const limit = `${100 * CONTAINMENT_OVER} %`;
  const says = `Contain@50 ${(100 * containAt50).toFixed(1)} % of ${queries} queries [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`;
  if (low > CONTAINMENT_OVER) return row('pass', `${says}, over ${limit}`);
  if (containAt50 > CONTAINMENT_OVER && high > CONTAINMENT_OVER)
    return row('inconclusive', `${says}: too few queries to show more than ${limit}`);
  return row('fail', `${says}, not over ${limit}`);
}
