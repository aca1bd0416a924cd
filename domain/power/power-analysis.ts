import type { Metric } from '../metrics/registry.ts';
import { definitionOf } from '../metrics/registry.ts';
import type { GateCheck, Plan, Stage } from '../plan/plan.ts';
import { LEAST_REQUESTS, CONSECUTIVE_INTERVALS } from '../guard/gross-failure-detector.ts';
import { HARDLY_ANY } from '../metrics/query-kinds.ts';
import type { RowModel } from '../metrics/power-model.ts';
import { byPoint, toleranceOf } from '../gate/limits.ts';
import { normalQuantile, zFor } from '../statistics/proportion.ts';

/** 80 % power: so many standard errors lie between what is expected and what is seen in 4 of 5 cases. */
const POWER_Z = normalQuantile(0.8);

/** What one row of one stage can tell at the traffic stated. */
interface DetectableRow {
  readonly stage: string;
  readonly metric: Metric;
  readonly compareTo: GateCheck['compareTo'];
  /** The row's own limits and action: a stage may have two rows of one metric. */
  readonly warnAbove: number | null;
  readonly failAbove: number | null;
  readonly onFail: GateCheck['onFail'];
  /** Samples (requests of the candidate, but for rows that look at fewer) of the decision's first look, and of the last one after every extension. */
  readonly requests: number;
  readonly requestsAtMost: number;
  readonly minSamples: number;
  /** After how much of extending the least samples are there; null: never. */
  readonly samplesAfterMs: number | null;
  /** After how much of extending a release as good as stable passes in 4 of 5 rollouts; null: never. */
  readonly passAfterMs: number | null;
  /** The smallest harm that the last look proves in 4 of 5 rollouts, e.g. `+0.61 points`; null where it proves none. */
  readonly detects: string | null;
}

export interface Detectability {
  readonly rows: readonly DetectableRow[];
  /** By stage: how long the guard needs to be certain of a gross emergency; null where the candidate has no requests. */
  readonly emergencies: readonly { readonly stage: string; readonly minutes: number | null }[];
  /** Why this plan cannot do its work at this traffic: a good release would be held. */
  readonly refusals: readonly string[];
  /** What it will not see, and where it will be late. */
  readonly warnings: readonly string[];
}

/** A harm that a row proves late or never is worth a warning from so many times its limit on. */
const COARSE = 3;

/**
 * What each row of each stage can detect at so many judged requests a second (all kinds, both lanes together), for a stable of usual
 * quality (domain/metrics/power-model.ts). A row that is judged by kind is taken for a kind that all requests are of; how rare a kind may be is a
 * warning. Rows that traffic does not decide (evaluation, split) are left out.
 */
export function planDetectability(plan: Plan, requestsPerSecond: number): Detectability {
  const rows: DetectableRow[] = [];
  const refusals: string[] = [];
  const warnings: string[] = [];
  for (const stage of plan.stages) {
    for (const row of stage.rows) {
      const model = modelOf(plan, row, stage);
      if (model === null) continue;
      const seen = detectable(plan, stage, row, model, requestsPerSecond);
      rows.push(seen.row);
      if (row.dryRun) continue;
      refusals.push(...refusalsOf(seen.row));
      warnings.push(...warningsOf(seen.row, seen.coarse));
      if (definitionOf(row.metric).byKind) warnings.push(...rareKinds(plan, stage, row, requestsPerSecond));
    }
  }
  const emergencies = plan.stages.map(({ name, percent }) => ({
    stage: name,
    minutes: emergencyMinutes(plan, (requestsPerSecond * percent) / 100),
  }));
  return { rows, emergencies, refusals, warnings: [...warnings, ...slowEmergencies(emergencies)] };
}

/** The question that a row asks of the traffic; null where traffic does not answer it. */
function modelOf(plan: Plan, row: GateCheck, { percent }: Stage): RowModel | 'samples' | null {
  const definition = definitionOf(row.metric);
  const { power } = definition;
  if (power === null || power === 'samples') return power;
  return power({
    compareTo: row.compareTo,
    first: row.warnAbove ?? row.failAbove ?? 0,
    tolerance: toleranceOf(plan, row, definition, percent),
    excessMs: plan.p95ExcessMs,
  });
}

/** A warning where a kind that is more than hardly any of the queries has too few for a verdict, so that a person is asked. */
function rareKinds(plan: Plan, stage: Stage, row: GateCheck, rate: number): string[] {
  const model = modelOf(plan, row, stage);
  if (model === null) return [];
  const isGreenAt = (share: number) =>
    detectable(plan, stage, row, model, rate * share).row.passAfterMs !== null;
  if (!isGreenAt(1) || isGreenAt(HARDLY_ANY)) return [];
  const least = bisect(HARDLY_ANY, 1, isGreenAt);
  const [from, to] = [HARDLY_ANY, least].map((share) => Number((share * 100).toPrecision(2)));
  return [
    `${stage.name}: ${row.metric} against stable: of a kind with ${from} to ${to} % of the queries it stays unknown`,
  ];
}

/** Where between both ends a condition begins to hold, from above. */
function bisect(low: number, high: number, holds: (at: number) => boolean): number {
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function detectable(
  plan: Plan,
  stage: Stage,
  row: GateCheck,
  model: RowModel | 'samples',
  rate: number,
): { readonly row: DetectableRow; readonly coarse: boolean } {
  const { sampledShare } = definitionOf(row.metric);
  const firstMs = Math.min(stage.windowMs, stage.decideAtMs - stage.atMs - stage.warmUpMs);
  const looks = Array.from({ length: plan.extendAtMost + 1 }, (_, i) => i * plan.extendByMs);
  const samples = (extendedMs: number) =>
    ((firstMs + extendedMs) / 1000) * rate * sampledShare(stage.percent, plan.shadowPercent ?? 0);
  const firstLook = (holds: (n: number) => boolean) => looks.find((ms) => holds(samples(ms))) ?? null;
  const enough = (n: number) => n >= row.minSamples;
  const most = samples(looks.at(-1) ?? 0);
  const known = {
    stage: stage.name,
    metric: row.metric,
    compareTo: row.compareTo,
    warnAbove: row.warnAbove,
    failAbove: row.failAbove,
    onFail: row.onFail,
    requests: Math.round(samples(0)),
    requestsAtMost: Math.round(most),
    minSamples: row.minSamples,
    samplesAfterMs: firstLook(enough),
  };
  if (model === 'samples')
    return { row: { ...known, passAfterMs: known.samplesAfterMs, detects: null }, coarse: false };
  const z = byPoint(plan, row) ? 0 : zFor(plan.confidence, looks.length);
  const stableTo = (n: number) =>
    stage.percent < 100 ? (n * (100 - stage.percent)) / stage.percent : Infinity;
  const harm = smallestHarm(model, most, stableTo(most), z);
  const passAfterMs = firstLook((n) => enough(n) && isGreen(model, n, stableTo(n), z));
  return {
    row: { ...known, passAfterMs, detects: harm === null ? null : model.say(harm) },
    coarse: harm === null || harm - model.base > COARSE * (model.limit - model.base),
  };
}

/** Whether a release as good as stable passes: with somewhat more hits than are to be expected, in 4 of 5 cases no more. */
function isGreen(model: RowModel, n: number, stableN: number, z: number): boolean {
  const hits = n * model.base + POWER_Z * Math.sqrt(n * model.base * (1 - model.base));
  return n > 0 && model.interval({ hits: Math.min(hits, n), n }, stableN, z).high <= model.within;
}

/** The smallest share that is proven to lie beyond the first limit in 4 of 5 cases; null where no share is. */
function smallestHarm(model: RowModel, n: number, stableN: number, z: number): number | null {
  const proven = (share: number) => {
    const hits = n * share - POWER_Z * Math.sqrt(n * share * (1 - share));
    return model.interval({ hits: Math.max(0, hits), n }, stableN, z).low > model.beyond;
  };
  if (!(n > 0) || !proven(1)) return null;
  return bisect(0, 1, proven);
}

function refusalsOf(row: DetectableRow): string[] {
  const name = nameOf(row);
  if (row.samplesAfterMs === null)
    return [`${name}: ${row.requestsAtMost} samples at the most, and ${row.minSamples} are the least`];
  if (row.passAfterMs === null) return [`${name}: cannot pass, not even with ${row.requestsAtMost} samples`];
  return [];
}

function warningsOf(row: DetectableRow, coarse: boolean): string[] {
  const name = nameOf(row);
  const late =
    row.passAfterMs === null || row.passAfterMs === 0
      ? []
      : [`${name}: passes only after ${formatDuration(row.passAfterMs)} of extending`];
  if (!coarse || row.passAfterMs === null) return late;
  const smaller =
    row.detects === null ? 'can tell no harm at all' : `can tell no harm smaller than ${row.detects}`;
  return [...late, `${name}: ${smaller}`];
}

function nameOf({ stage, metric, compareTo }: DetectableRow): string {
  return `${stage}: ${metric}${compareTo === 'stable' ? ' against stable' : ''}`;
}

/** Minutes until the guard is certain; with the decision rule `threshold` its triggers' own time. */
function emergencyMinutes(plan: Plan, candidatePerSecond: number): number | null {
  if (!(candidatePerSecond > 0)) return null;
  const { compareEveryMs, triggers } = plan.guard;
  if (plan.decisionRule === 'threshold')
    return Math.min(...triggers.map(({ forMs }) => forMs).filter(Boolean)) / 60_000;
  const stretches = Math.max(1, Math.ceil(LEAST_REQUESTS / ((candidatePerSecond * compareEveryMs) / 1000)));
  return (CONSECUTIVE_INTERVALS * stretches * compareEveryMs) / 60_000;
}

/** From here on the runbook's ten minutes would be kept no more. */
const SLOW_EMERGENCY_MINUTES = 10;

function slowEmergencies(emergencies: Detectability['emergencies']): string[] {
  return emergencies
    .filter(({ minutes }) => minutes === null || minutes > SLOW_EMERGENCY_MINUTES)
    .map(({ stage, minutes }) =>
      minutes === null
        ? `${stage}: the candidate has no requests`
        : `${stage}: a gross failure would be noticed only within ${Math.round(minutes)} min`,
    );
}

function formatDuration(ms: number): string {
  return ms >= 3_600_000
    ? `${Number((ms / 3_600_000).toFixed(1))} h`
    : ms >= 60_000
      ? `${Math.round(ms / 60_000)} min`
      : `${Math.round(ms / 1000)} s`;
}
