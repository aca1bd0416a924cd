import { byPoint, toleranceOf } from '../gate/limits.ts';
import type { RowModel } from '../metrics/power-model.ts';
import type { Metric } from '../metrics/registry.ts';
import { definitionOf } from '../metrics/registry.ts';
import type { GateCheck, Plan, Stage } from '../plan/plan.ts';
import { normalQuantile, zFor } from '../statistics/proportion.ts';

/** 80 % power: so many standard errors lie between what is expected and what is seen in 4 of 5 cases. */
const POWER_Z = normalQuantile(0.8);
/** A row is underpowered where the least harm that it proves is more than so many times its limit. */
const UNDERPOWERED = 3;

/**
 * Limits as they apply to what is measured at a number of samples, in the units of the row's own limits (shares 0..1, ms, or a multiple
 * of stable's P95; against stable a difference). Null where no value has that verdict.
 */
export interface EffectiveLimits {
  /** The largest value that still passes. */
  readonly passUpTo: number | null;
  /** The smallest values that warn and fail; null as well where the row has no such limit. */
  readonly warnFrom: number | null;
  readonly failFrom: number | null;
}

/** What one row of one stage can tell at the traffic stated. */
export interface RowPower {
  readonly stage: string;
  readonly metric: Metric;
  readonly compareTo: GateCheck['compareTo'];
  /** The row's own limits and action: a stage may have two rows of one metric. */
  readonly warnAbove: number | null;
  readonly failAbove: number | null;
  readonly onFail: GateCheck['onFail'];
  readonly dryRun: boolean;
  /** Samples (requests of the candidate, but for rows that look at fewer) of the decision's first look, and of the last one after every extension. */
  readonly requests: number;
  readonly requestsAtMost: number;
  readonly minSamples: number;
  /** After how much of extending the least samples are there; null: never. */
  readonly samplesAfterMs: number | null;
  /** After how much of extending a release as good as stable passes in 4 of 5 rollouts; null: never. */
  readonly passAfterMs: number | null;
  /** The least value that the last look proves to lie beyond the first limit in 4 of 5 rollouts, in the limits' units; null where it proves none. */
  readonly minimumDetectableEffect: number | null;
  readonly underpowered: boolean;
  /** Null where the row's samples alone are known before; a look is null where it has too few samples for a verdict. */
  readonly effectiveLimits: {
    readonly firstLook: EffectiveLimits | null;
    readonly lastLook: EffectiveLimits | null;
  } | null;
}

/** Samples of a look, of the candidate and of stable, and the z of its intervals. */
interface Look {
  readonly n: number;
  readonly stableN: number;
  readonly z: number;
}

/** A row's question, with the looks at it: how far each is extended, and what it has of samples. */
interface Judging {
  readonly model: RowModel | 'samples';
  readonly looks: readonly number[];
  readonly samples: (extendedMs: number) => number;
  readonly lookOf: (samples: number) => Look;
}

/** What a row can tell at so many judged requests a second; null where traffic does not answer it. */
export function rowPower(plan: Plan, stage: Stage, row: GateCheck, rate: number): RowPower | null {
  const judging = judgingOf(plan, stage, row, rate);
  if (judging === null) return null;
  const { model, looks, samples, lookOf } = judging;
  const most = samples(looks.at(-1) ?? 0);
  const { metric, compareTo, warnAbove, failAbove, onFail, dryRun, minSamples } = row;
  const known = {
    stage: stage.name,
    metric,
    compareTo,
    warnAbove,
    failAbove,
    onFail,
    dryRun,
    minSamples,
    requests: Math.round(samples(0)),
    requestsAtMost: Math.round(most),
    samplesAfterMs: looks.find((ms) => samples(ms) >= minSamples) ?? null,
    passAfterMs: passAfter(row, judging),
  };
  if (model === 'samples')
    return { ...known, minimumDetectableEffect: null, underpowered: false, effectiveLimits: null };
  const harm = smallestHarm(model, lookOf(most));
  const limitsAt = (n: number) => effectiveLimits(plan, stage, row, lookOf(Math.floor(n)));
  return {
    ...known,
    minimumDetectableEffect: harm === null ? null : model.valueOf(harm),
    underpowered: harm === null || harm - model.base > UNDERPOWERED * (model.limit - model.base),
    effectiveLimits: { firstLook: limitsAt(samples(0)), lastLook: limitsAt(most) },
  };
}

/** Whether a release as good as stable passes a row at that rate, however late, in 4 of 5 rollouts. */
export function canPass(plan: Plan, stage: Stage, row: GateCheck, rate: number): boolean {
  const judging = judgingOf(plan, stage, row, rate);
  return judging !== null && passAfter(row, judging) !== null;
}

/** After how much of extending a release as good as stable passes in 4 of 5 rollouts; null: never. */
function passAfter({ minSamples }: GateCheck, { model, looks, samples, lookOf }: Judging): number | null {
  const passes = (n: number) => n >= minSamples && (model === 'samples' || goodPasses(model, lookOf(n)));
  return looks.find((ms) => passes(samples(ms))) ?? null;
}

function judgingOf(plan: Plan, stage: Stage, row: GateCheck, rate: number): Judging | null {
  const model = modelOf(plan, row, stage, row.warnAbove ?? row.failAbove);
  if (model === null) return null;
  const looks = Array.from({ length: plan.extendAtMost + 1 }, (_, i) => i * plan.extendByMs);
  const firstMs = Math.min(stage.windowMs, stage.decideAtMs - stage.atMs - stage.warmUpMs);
  const share = definitionOf(row.metric).sampledShare(stage.percent, plan.shadowPercent ?? 0);
  const z = byPoint(plan, row) ? 0 : zFor(plan.confidence, looks.length);
  const stableShare = stage.percent < 100 ? (100 - stage.percent) / stage.percent : Infinity;
  return {
    model,
    looks,
    samples: (extendedMs) => ((firstMs + extendedMs) / 1000) * rate * share,
    lookOf: (n) => ({ n, stableN: n * stableShare, z }),
  };
}

/** The question that a row's limit asks of the traffic; null where traffic does not answer it. */
function modelOf(
  plan: Plan,
  row: GateCheck,
  { percent }: Stage,
  limit: number | null,
): RowModel | 'samples' | null {
  const definition = definitionOf(row.metric);
  const { power } = definition;
  if (power === null || power === 'samples') return power;
  return power({
    compareTo: row.compareTo,
    first: limit ?? 0,
    tolerance: toleranceOf(plan, row, definition, percent),
    excessMs: plan.p95ExcessMs,
  });
}

function effectiveLimits(plan: Plan, stage: Stage, row: GateCheck, look: Look): EffectiveLimits | null {
  if (look.n < Math.max(1, row.minSamples)) return null;
  const beyond = (limit: number | null) => {
    const model = limit === null ? null : modelOf(plan, row, stage, limit);
    if (model === null || model === 'samples') return null;
    const hits = leastHits(look.n, (h) => intervalOf(model, h, look).low > model.beyond);
    return hits === null ? null : { hits, value: model.valueOf(hits / look.n) };
  };
  const [warn, fail] = [beyond(row.warnAbove), beyond(row.failAbove)];
  const model = modelOf(plan, row, stage, row.warnAbove ?? row.failAbove);
  if (model === null || model === 'samples') return null;
  const first = warn ?? fail;
  const outside = leastHits(look.n, (h) => intervalOf(model, h, look).high > model.within) ?? look.n + 1;
  const passes = Math.min(outside, first?.hits ?? Infinity) - 1;
  return {
    passUpTo: passes < 0 ? null : model.valueOf(passes / look.n),
    warnFrom: warn?.value ?? null,
    failFrom: fail?.value ?? null,
  };
}

function intervalOf(model: RowModel, hits: number, { n, stableN, z }: Look) {
  return model.interval({ hits, n }, stableN, z);
}

/** The least whole number of 0..n for which a test holds that, once true, stays true; null where it never does. */
function leastHits(n: number, holds: (hits: number) => boolean): number | null {
  if (!holds(n)) return null;
  let [low, high] = [-1, n];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** Whether a release as good as stable passes: with somewhat more hits than are to be expected, in 4 of 5 cases no more. */
function goodPasses(model: RowModel, look: Look): boolean {
  const { n } = look;
  const hits = n * model.base + POWER_Z * Math.sqrt(n * model.base * (1 - model.base));
  return n > 0 && intervalOf(model, Math.min(hits, n), look).high <= model.within;
}

/** The smallest share that is proven to lie beyond the first limit in 4 of 5 cases; null where no share is. */
function smallestHarm(model: RowModel, look: Look): number | null {
  const { n } = look;
  const proven = (share: number) => {
    const hits = n * share - POWER_Z * Math.sqrt(n * share * (1 - share));
    return intervalOf(model, Math.max(0, hits), look).low > model.beyond;
  };
  if (!(n > 0) || !proven(1)) return null;
  return bisect(0, 1, proven);
}

/** Where between both ends a condition begins to hold, from above. */
export function bisect(low: number, high: number, holds: (at: number) => boolean): number {
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}
