import { formatShare } from '../../core/units.ts';
import type { Count } from '../../statistics/proportion.ts';
import type { Estimate } from '../estimate.ts';
import { absent, lessExpected, shareEstimate } from '../estimate.ts';
import type { Lanes, Question } from '../evidence.ts';
import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';
import { ofContextQueries } from '../of-lanes.ts';
import { shareModel } from '../power-model.ts';

const USUAL_MISSES = 0.05;

/** How far the share of queries with a result of cosine >= tau falls short of what the release's metrics.json expects. */
export const qualityShortfall: MetricDefinition = {
  ...PLAIN,
  unit: 'points',
  margin: 'qualityShortfall',
  // A limit of its own is a shortfall from what the release promises, so its misses start at those.
  power: shareModel(USUAL_MISSES, USUAL_MISSES),
  estimate: ofContextQueries(shortfall),
};

function shortfall({ candidate, stable }: Lanes, question: Question): Estimate {
  const { candidateQuality, stableQuality } = question.evidence;
  if (candidateQuality === null || candidateQuality.release !== candidate.release)
    return absent(`the expected share of ${candidate.release} is not known`);
  const expected = candidateQuality.expectedShare;
  const compared = question.compareTo === 'stable' ? stable : null;
  if (compared !== null && stableQuality?.release !== compared.release)
    return absent(`the expected share of ${compared.release} is not known`);
  const control = compared === null ? null : misses(compared.quality);
  const estimate = shareEstimate(question, misses(candidate.quality), control, 'queries below tau');
  if (estimate.measured.kind !== 'value') return estimate;
  // The part of the difference that both releases' own metrics.json expect.
  const difference = compared === null ? 1 - expected : (stableQuality?.expectedShare ?? 0) - expected;
  const { hits, n } = misses(candidate.quality);
  return {
    ...lessExpected(estimate, difference),
    says: `${formatShare(1 - hits / n)} of ${n} queries above tau, expected ${formatShare(expected)}${
      compared === null ? '' : ', measured by comparison'
    }`,
  };
}

/** A share that falls short is a share of misses that is too large: misses keep "more" meaning worse. */
function misses({ hits, n }: Count): Count {
  return { hits: n - hits, n };
}
