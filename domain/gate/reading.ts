import type { Measured } from '../core/metric-value.ts';
import { measured, missing, notApplicable } from '../core/metric-value.ts';
import { definitionOf } from '../metrics/registry.ts';
import type { GateRow } from '../plan/plan.ts';
import type { Count, Interval } from '../statistics/proportion.ts';
import { newcombe, pairedDifference, splitPValue, wilson } from '../statistics/proportion.ts';
import type { Counted } from './sensitivity.ts';
import type { LaneWindow, Window } from '../metrics/window.ts';
import type { ReleaseQuality } from '../core/release-quality.ts';
import type { EvaluationResult } from '../core/evaluation-result.ts';

/** What a gate is judged on. `reference` is stable's last window at a percent below 100, for when it has no users. */
export interface Evidence {
  readonly window: Window;
  readonly reference: LaneWindow | null;
  readonly candidateQuality: ReleaseQuality | null;
  readonly stableQuality: ReleaseQuality | null;
  readonly evaluation: EvaluationResult | null;
  /** How often this window may be looked at in all. */
  readonly looks: number;
}

/** A metric of a window, in its own terms, before it is judged. */
export interface Reading {
  readonly measured: Measured;
  readonly interval: Interval | null;
  /** The number as a person reads it. */
  readonly says: string;
  /** Where the number is a count of something. */
  readonly counted?: Counted;
}

export function absent(reason: string): Reading {
  return { measured: missing(reason), interval: null, says: reason };
}

export function shareReading(candidate: Count, stable: Count | null, z: number, what: string): Reading {
  if (candidate.n === 0) return absent('no requests of the candidate');
  const share = candidate.hits / candidate.n;
  if (stable === null)
    return {
      measured: measured(share, candidate.n),
      interval: wilson(candidate.hits, candidate.n, z),
      says: `${percent(share)} of ${candidate.n}`,
      counted: {
        count: candidate,
        what,
        grows: true,
        z,
        intervalOf: ({ hits, n }, at) => wilson(hits, n, at),
      },
    };
  if (stable.n === 0) return absent('no requests of stable');
  const difference = share - stable.hits / stable.n;
  return {
    measured: measured(difference, candidate.n),
    interval: newcombe(candidate, stable, z),
    says: `${percent(share)} of ${candidate.n} against ${percent(stable.hits / stable.n)} of ${Math.round(stable.n)}`,
    counted: {
      count: candidate,
      what,
      grows: true,
      z,
      intervalOf: (count, at) => newcombe(count, stable, at),
    },
  };
}

export function acceptanceReading(
  metric: 'rerankerAcceptance' | 'rerankerIdle',
  { rank1, quality }: LaneWindow,
  z: number,
): Reading {
  if (rank1.n === 0 && quality.n > 0) return notApplicableReading('the reranker is off');
  if (metric === 'rerankerAcceptance') return shareReading(rank1, null, z, 'changes of rank 1');
  return shareReading({ hits: rank1.n - rank1.hits, n: rank1.n }, null, z, 'queries left as they were');
}

export function notApplicableReading(reason: string): Reading {
  return { measured: notApplicable(reason), interval: null, says: reason };
}

export function qualityReading(
  row: GateRow,
  { candidateQuality, stableQuality }: Evidence,
  candidate: LaneWindow,
  stable: LaneWindow | null,
  z: number,
): Reading {
  if (candidateQuality === null || candidateQuality.release !== candidate.release)
    return absent(`the expected share of ${candidate.release} is not known`);
  const expected = candidateQuality.expectedShare;
  // A share that falls short is a share of misses that is too large: misses keep `beyond` meaning worse.
  const misses = (count: Count): Count => ({ hits: count.n - count.hits, n: count.n });
  const againstStable = row.against === 'stable' && stable !== null;
  if (againstStable && (stableQuality === null || stableQuality.release !== stable.release))
    return absent(`the expected share of ${stable.release} is not known`);
  const control = againstStable ? misses(stable.quality) : null;
  const reading = shareReading(misses(candidate.quality), control, z, 'queries below tau');
  // The part of the difference that both releases' own metrics.json foretell.
  const foretold = againstStable ? (stableQuality?.expectedShare ?? 0) - expected : 1 - expected;
  const { counted } = reading;
  if (reading.measured.kind !== 'value' || reading.interval === null || counted === undefined) return reading;
  const beyond = ({ low, high }: Interval): Interval => ({ low: low - foretold, high: high - foretold });
  const share = 1 - (candidate.quality.n - candidate.quality.hits) / candidate.quality.n;
  return {
    measured: measured(reading.measured.value - foretold, reading.measured.n),
    interval: beyond(reading.interval),
    counted: { ...counted, intervalOf: (count, at) => beyond(counted.intervalOf(count, at)) },
    says: `${percent(share)} of ${candidate.quality.n} queries above tau, expected ${percent(expected)}${
      againstStable ? ', measured against stable' : ''
    }`,
  };
}

export function splitReading({ percent: meant, stable, candidate }: Window): Reading {
  if (meant <= 0 || meant >= 100) return notApplicableReading(`nothing is split at ${meant} %`);
  const [here, there] = [candidate?.distinctKeys ?? 0, stable?.distinctKeys ?? 0];
  if (here + there === 0) return absent('no request keys were seen');
  const p = splitPValue(here, there, meant / 100);
  // Turned round, so that more is worse: 1 - p beyond 0.999 is p < 0.001.
  return {
    measured: measured(1 - p, here + there),
    interval: { low: 1 - p, high: 1 - p },
    says: `${here} of ${here + there} request keys on the candidate (p ${p.toPrecision(2)})${requestShare(candidate, stable)}`,
  };
}

/** Of requests the split is not judged: a few users send most of them. It is what a person expects to see. */
function requestShare(candidate: LaneWindow | null, stable: LaneWindow | null): string {
  const [here, there] = [candidate?.errors.n ?? 0, stable?.errors.n ?? 0];
  return here + there === 0 ? '' : `, ${percent(here / (here + there))} of the requests`;
}

export function evaluationReading({ evaluation }: Evidence, z: number): Reading {
  if (evaluation === null) return absent('no evaluation was made');
  if (evaluation.kind === 'missing') return absent(`evaluation: ${evaluation.reason}`);
  const { rAt5, expected, lostAt5, gainedAt5, queries } = evaluation;
  if (queries === 0) return absent('the evaluation holds no queries');
  return {
    measured: measured(expected.rAt5 - rAt5, queries),
    interval: pairedDifference(lostAt5, gainedAt5, queries, z),
    counted: {
      count: { hits: lostAt5, n: queries },
      what: 'queries lost',
      grows: false,
      z,
      intervalOf: ({ hits, n }, at) => pairedDifference(hits, gainedAt5, n, at),
    },
    says: sayEvaluation(evaluation),
  };
}

/** The runbook expects R@5 within 2 points of what it was; more is good, and not what was expected. */
const NOTEWORTHY = 0.02;

/** An evaluation in a sentence, with a note where it found more than was expected. */
export function sayEvaluation({ rAt5, expected, queries }: EvaluationResult & { kind: 'evaluated' }): string {
  const gained = rAt5 - expected.rAt5;
  const note = gained > NOTEWORTHY ? ` (${(gained * 100).toFixed(1)} points better: find out why)` : '';
  return `R@5 ${rAt5.toFixed(3)} on ${queries} queries, ${expected.rAt5.toFixed(3)} before the release${note}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

/** A row's limit as a person reads it. */
export function sayLimit({ metric, against }: GateRow, over: number | null): string {
  if (over === null) return 'the limit';
  const { unit } = definitionOf(metric);
  if (unit === 'p') return `p = ${over}`;
  if (unit === 'ratio') return `${over} times`;
  const hundredths = Number((over * 100).toFixed(2));
  const share = against === 'limit' && unit === 'share';
  return share ? `${hundredths} %` : `${hundredths} points`;
}
