import { metricValue } from '../../core/metric-value.ts';
import { meanDifference, pairedDifference } from '../../statistics/proportion.ts';
import type { Estimate } from '../estimate.ts';
import { absent, bounds, lessExpected } from '../estimate.ts';
import type { Question } from '../evidence.ts';
import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';
import { ofContextQueries } from '../of-lanes.ts';
import { pairedModel } from '../power-model.ts';
import type { ShadowCounters } from '../snapshot.ts';
import { OVERLAP_DEPTH } from '../snapshot.ts';
import { pairsOf } from '../window.ts';

/** Share of queries that two lanes as good as each other hit alone, each. */
const USUAL_DIFFERENCE = 0.025;

const SHADOW = {
  ...PLAIN,
  unit: 'points',
  source: 'shadow',
  sampledShare: (_percent: number, shadowPercent: number) => shadowPercent / 100,
} as const;

/**
 * Hits of stable that the candidate missed minus its hits that stable missed, as a share of the queries that both answered in the
 * shadow, beyond what the releases' metrics.json expect.
 */
export const shadowQualityDrop: MetricDefinition = {
  ...SHADOW,
  power: pairedModel(USUAL_DIFFERENCE),
  estimate: ofShadow(qualityDrop),
};

/** How far overlap@10 of the candidate with stable lies under that of stable asked twice. */
export const shadowOverlap: MetricDefinition = { ...SHADOW, estimate: ofShadow(overlapDrop) };

function ofShadow(
  estimate: (shadow: ShadowCounters, question: Question) => Estimate,
): MetricDefinition['estimate'] {
  return ofContextQueries((_lanes, question) => {
    const { shadow } = question.evidence.window;
    // A plan with rows on the shadow asks for one: where it is turned off, nothing was measured.
    if (shadow === null) return absent('no queries are shadowed, and the plan wants it');
    return estimate(shadow, question);
  });
}

/**
 * How many points of hits the candidate lost on the very same queries, beyond what the two releases' own metrics.json
 * expect (a τ belongs to its release). The paired difference of McNemar's table: queries that both hit or both
 * missed add no noise, so that it needs a fraction of the requests that two separate shares do.
 */
function qualityDrop(shadow: ShadowCounters, question: Question): Estimate {
  const { candidateQuality, stableQuality } = question.evidence;
  const n = pairsOf(shadow);
  if (n === 0) return absent('no query was answered by both lanes');
  if (candidateQuality?.release !== shadow.release)
    return absent(`the expected share of ${shadow.release} is not known`);
  if (stableQuality?.release !== shadow.against)
    return absent(`the expected share of ${shadow.against} is not known`);
  const { onlyStable, onlyCandidate } = shadow;
  const estimate: Estimate = {
    measured: metricValue((onlyStable - onlyCandidate) / n, n),
    says: `of ${n} queries asked of both, ${onlyStable} hit with ${shadow.against} alone and ${onlyCandidate} with ${shadow.release} alone`,
    counted: { what: 'hits lost', grows: true },
    ...bounds(question, {
      count: { hits: onlyStable, n },
      intervalOf: ({ hits, n: of }, z) => pairedDifference(hits, (onlyCandidate * of) / n, of, z),
    }),
  };
  return lessExpected(estimate, stableQuality.expectedShare - candidateQuality.expectedShare);
}

/** How far the candidate's overlap@10 with stable lies under the noise floor: stable's with itself. */
function overlapDrop(shadow: ShadowCounters, question: Question): Estimate {
  const share = (tenths: number) => tenths / OVERLAP_DEPTH;
  const compare = (z: number) => meanDifference(shadow.selfOverlap, shadow.overlap, share, z);
  const compared = compare(0);
  if (compared === null) return absent('no query was asked of stable twice and of the candidate');
  const [ofCandidate, ofStable] = [meanOf(shadow.overlap), meanOf(shadow.selfOverlap)];
  const n = pairsOf(shadow);
  return {
    measured: metricValue(compared.difference, n),
    says: `overlap@${OVERLAP_DEPTH} ${ofCandidate.toFixed(3)} with ${shadow.against}, which has ${ofStable.toFixed(3)} with itself`,
    counted: null,
    ...bounds(question, {
      count: { hits: 0, n },
      intervalOf: (_count, z) => (compare(z) ?? compared).interval,
    }),
  };
}

function meanOf(counts: readonly number[]): number {
  const n = counts.reduce((sum, count) => sum + count, 0);
  return counts.reduce((sum, count, i) => sum + (count * i) / OVERLAP_DEPTH, 0) / n;
}
