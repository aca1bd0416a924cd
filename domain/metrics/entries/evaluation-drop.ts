import type { EvaluationResult } from '../../core/evaluation-result.ts';
import { metricValue } from '../../core/metric-value.ts';
import { pairedDifference } from '../../statistics/proportion.ts';
import { absent, bounds } from '../estimate.ts';
import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';

/** The runbook expects R@5 within 2 points of what it was; more is good, and not what was expected. */
const NOTEWORTHY = 0.02;

/** R@5 that metrics.json promises minus R@5 measured by the stage's evaluation. */
export const rAt5Drop: MetricDefinition = {
  ...PLAIN,
  unit: 'points',
  source: 'evaluation',
  estimate: (question) => {
    const { evaluation } = question.evidence;
    if (evaluation === null) return absent('no evaluation was made');
    if (evaluation.kind === 'missing') return absent(`evaluation: ${evaluation.reason}`);
    const { rAt5, expected, lostAt5, gainedAt5, queries } = evaluation;
    if (queries === 0) return absent('the evaluation holds no queries');
    return {
      measured: metricValue(expected.rAt5 - rAt5, queries),
      says: formatEvaluation(evaluation),
      counted: { what: 'queries lost', grows: false },
      ...bounds(question, {
        count: { hits: lostAt5, n: queries },
        intervalOf: ({ hits, n }, z) => pairedDifference(hits, gainedAt5, n, z),
      }),
    };
  },
};

/** An evaluation in a sentence, with a note where it found more than was expected. */
export function formatEvaluation({
  rAt5,
  expected,
  queries,
}: EvaluationResult & { kind: 'evaluated' }): string {
  const gained = rAt5 - expected.rAt5;
  const note = gained > NOTEWORTHY ? ` (${(gained * 100).toFixed(1)} points better: find out why)` : '';
  return `R@5 ${rAt5.toFixed(3)} on ${queries} queries, ${expected.rAt5.toFixed(3)} before the release${note}`;
}
