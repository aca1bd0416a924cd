import type { Effect, ExperimentDesign, ExperimentMetric } from './effect.ts';
import { mixtureFor, sequenceZ } from '../statistics/confidence-sequence.ts';
import type { ExperimentReason } from './reason.ts';
import { normalQuantile, splitPValue } from '../statistics/proportion.ts';

/** The two arms: reranked, and not. */
export const ARMS = ['on', 'off'] as const;
export type Arm = (typeof ARMS)[number];

/** As many results of an answer are remembered until its feedback comes. */
export const RANKED = 10;

/** What one arm did, cumulative. */
export interface ArmCounts {
  /** Answered queries with a context. */
  readonly requests: number;
  readonly errors: number;
  /** `ranks[i]`: feedback that named the result at rank i + 1; the last one: another, or none of the first ten. */
  readonly ranks: readonly number[];
  /** Distinct request keys since the arms were set up in this gateway process. */
  readonly keys: number;
}

export type Arms = Readonly<Record<Arm, ArmCounts>>;

/** Of the intervals of each metric, at all looks together. */
const ALPHA = 0.05;
/** Probability of proving a lift that is there, or that it is not there, within the planned units. */
const POWER = 0.8;
/** As everywhere: a split this unlikely is no chance. */
const SPLIT_P = 0.001;
/** Fewer keys than this in the smaller arm say nothing of a split. */
const LEAST_KEYS = 8;
/** A variance of fewer units is no variance. */
const LEAST_UNITS = 30;

/**
 * Units that an experiment needs: at their end the confidence sequence is so narrow that a lift of `detect` is proven,
 * and one of 0 disproven, with a power of 80 %. `spread` is the variance of one unit, 1/4 at the most for a value in 0..1.
 */
export function unitsNeeded(detect: number, offPercent: number, spread: number): number {
  const off = offPercent / 100;
  // At the planned number of units the width in standard errors does not depend on that number.
  const widths = sequenceZ(1, mixtureFor(1, ALPHA), ALPHA) + normalQuantile(POWER);
  return Math.ceil((spread / (off * (1 - off))) * (widths / detect) ** 2);
}

/** Sums of two readings, as of a gateway before and after its restart. Keys do not add up: the later ones count. */
export function addArms(before: Arms, after: Arms): Arms {
  const sum = (arm: Arm): ArmCounts => ({
    requests: before[arm].requests + after[arm].requests,
    errors: before[arm].errors + after[arm].errors,
    ranks: after[arm].ranks.map((count, i) => count + (before[arm].ranks[i] ?? 0)),
    keys: after[arm].keys,
  });
  return { on: sum('on'), off: sum('off') };
}

/** Arms that have not done anything. */
export function noArms(): Arms {
  const none = { requests: 0, errors: 0, ranks: Array.from({ length: RANKED + 1 }, () => 0), keys: 0 };
  return { on: none, off: none };
}

/** The lift in a metric, with the interval that may be looked at at any time. */
export function effectOf(metric: ExperimentMetric, arms: Arms, plannedUnits: number): Effect {
  const [on, off] = [momentsOf(metric, arms.on), momentsOf(metric, arms.off)];
  const units = on.n + off.n;
  const lift = on.mean === null || off.mean === null ? null : on.mean - off.mean;
  const enough = lift !== null && Math.min(on.n, off.n) >= LEAST_UNITS;
  const error = Math.sqrt(on.spread / on.n + off.spread / off.n);
  const half = error * sequenceZ(units, mixtureFor(plannedUnits, ALPHA), ALPHA);
  return {
    metric,
    on: on.mean,
    off: off.mean,
    lift,
    interval: enough ? { low: lift - half, high: lift + half } : null,
    units,
  };
}

/** Mean and variance of an arm's units; a variance of 0 counts as that of one unit that differs. */
function momentsOf(
  metric: ExperimentMetric,
  arm: ArmCounts,
): { n: number; mean: number | null; spread: number } {
  const heard = arm.ranks.reduce((sum, count) => sum + count, 0);
  const n = metric === 'clickThrough' ? arm.requests : heard;
  if (n === 0) return { n, mean: null, spread: 0 };
  if (metric === 'clickThrough') {
    const mean = Math.min(1, (heard - (arm.ranks[RANKED] ?? 0)) / n);
    return { n, mean, spread: Math.max(mean * (1 - mean), 1 / n) };
  }
  const values = arm.ranks.map((_, i) => valueOf(metric, i));
  const mean = arm.ranks.reduce((sum, count, i) => sum + count * (values[i] ?? 0), 0) / n;
  const squares = arm.ranks.reduce((sum, count, i) => sum + count * ((values[i] ?? 0) - mean) ** 2, 0);
  return { n, mean, spread: Math.max(squares / n, 1 / n) };
}

function valueOf(metric: 'mrr' | 'rAt5', place: number): number {
  if (place >= RANKED) return 0;
  return metric === 'mrr' ? 1 / (place + 1) : Number(place < 5);
}

export type Recommendation = 'keepOn' | 'turnOff' | 'undecided';

export type ExperimentStep =
  | { readonly kind: 'continue' }
  | {
      readonly kind: 'end';
      readonly recommendation: Recommendation;
      readonly reason: ExperimentReason;
    };

/** Whether the arms have their share of the users: p of the split of distinct keys, null while there are few. */
export function splitOf(arms: Arms, offPercent: number): number | null {
  if (Math.min(arms.on.keys, arms.off.keys) < LEAST_KEYS) return null;
  return splitPValue(arms.off.keys, arms.on.keys, offPercent / 100);
}

/** What a look at the arms decides. Looks may be as many as one likes. */
export function interimAnalysis(design: ExperimentDesign, arms: Arms): ExperimentStep {
  const end = (recommendation: Recommendation, reason: ExperimentReason) =>
    ({ kind: 'end', recommendation, reason }) as const;
  const { offPercent, detect } = design;
  const p = splitOf(arms, offPercent);
  const [onKeys, offKeys] = [arms.on.keys, arms.off.keys];
  if (p !== null && p < SPLIT_P)
    return end('undecided', { code: 'splitBroken', onKeys, offKeys, offPercent, p });
  const effect = effectOf(design.metric, arms, design.units);
  const { interval, units } = effect;
  if (interval !== null && interval.low > 0) return end('keepOn', { code: 'lifts', effect, detect });
  if (interval !== null && interval.high < 0) return end('turnOff', { code: 'lowers', effect, detect });
  if (interval !== null && interval.high < detect)
    return end('turnOff', { code: 'belowDetectable', effect, detect });
  if (units < design.units) return { kind: 'continue' };
  return end('undecided', { code: 'unproven', effect, detect });
}
