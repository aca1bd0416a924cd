import { measured } from '../core/metric-value.ts';
import type { Evidence, Reading } from './reading.ts';
import { absent, notApplicableReading } from './reading.ts';
import type { Count, Interval } from '../statistics/proportion.ts';
import { meanDifference, pairedDifference } from '../statistics/proportion.ts';
import type { ShadowCounters } from '../metrics/snapshot.ts';
import { OVERLAP_DEPTH } from '../metrics/snapshot.ts';

const BEFORE_SHADOWS = 'this gateway shadows no queries';
/** A plan with rows on the shadow asks for one: where it is turned off, nothing was measured. */
const NOT_SHADOWED = 'no queries are shadowed, and the plan wants it';

/** Queries that both lanes answered. */
export function pairsOf({ both, onlyStable, onlyCandidate, neither }: ShadowCounters): number {
  return both + onlyStable + onlyCandidate + neither;
}

/**
 * How many points of hits the candidate lost on the very same queries, beyond what the two releases' own metrics.json
 * foretell (a τ belongs to its release). The paired difference of McNemar's table: queries that both hit or both
 * missed add no noise, so that it needs a fraction of the requests that two separate shares do.
 */
export function shadowQualityReading(
  { window, candidateQuality, stableQuality }: Evidence,
  z: number,
): Reading {
  const { shadow = BEFORE_SHADOWS } = window;
  if (shadow === BEFORE_SHADOWS) return notApplicableReading(BEFORE_SHADOWS);
  if (shadow === null) return absent(NOT_SHADOWED);
  const n = pairsOf(shadow);
  if (n === 0) return absent('no query was answered by both lanes');
  if (candidateQuality?.release !== shadow.release)
    return absent(`the expected share of ${shadow.release} is not known`);
  if (stableQuality?.release !== shadow.against)
    return absent(`the expected share of ${shadow.against} is not known`);
  const { onlyStable, onlyCandidate } = shadow;
  const foretold = stableQuality.expectedShare - candidateQuality.expectedShare;
  const intervalOf = ({ hits, n: of }: Count, at: number): Interval => {
    const { low, high } = pairedDifference(hits, (onlyCandidate * of) / n, of, at);
    return { low: low - foretold, high: high - foretold };
  };
  const count = { hits: onlyStable, n };
  return {
    measured: measured((onlyStable - onlyCandidate) / n - foretold, n),
    interval: intervalOf(count, z),
    counted: { count, what: 'hits lost', grows: true, z, intervalOf },
    says: `of ${n} queries asked of both, ${onlyStable} hit with ${shadow.against} alone and ${onlyCandidate} with ${shadow.release} alone`,
  };
}

/** How far the candidate's overlap@10 with stable lies under the noise floor: stable's with itself. */
export function shadowOverlapReading({ window }: Evidence, z: number): Reading {
  const { shadow = BEFORE_SHADOWS } = window;
  if (shadow === BEFORE_SHADOWS) return notApplicableReading(BEFORE_SHADOWS);
  if (shadow === null) return absent(NOT_SHADOWED);
  const share = (tenths: number) => tenths / OVERLAP_DEPTH;
  const compared = meanDifference(shadow.selfOverlap, shadow.overlap, share, z);
  if (compared === null) return absent('no query was asked of stable twice and of the candidate');
  const { difference, interval } = compared;
  const [ofCandidate, ofStable] = [meanOf(shadow.overlap), meanOf(shadow.selfOverlap)];
  return {
    measured: measured(difference, pairsOf(shadow)),
    interval,
    says: `overlap@${OVERLAP_DEPTH} ${ofCandidate.toFixed(3)} with ${shadow.against}, which has ${ofStable.toFixed(3)} with itself`,
  };
}

function meanOf(counts: readonly number[]): number {
  const n = counts.reduce((sum, count) => sum + count, 0);
  return counts.reduce((sum, count, i) => sum + (count * i) / OVERLAP_DEPTH, 0) / n;
}
