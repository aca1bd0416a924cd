import { CONSECUTIVE_INTERVALS, LEAST_REQUESTS } from '../guard/gross-failure-detector.ts';
import { HARDLY_ANY } from '../metrics/query-kinds.ts';
import type { Metric } from '../metrics/registry.ts';
import { definitionOf } from '../metrics/registry.ts';
import type { GateCheck, Plan, Stage } from '../plan/plan.ts';
import type { RowPower } from './row-power.ts';
import { bisect, canPass, rowPower } from './row-power.ts';

interface OfRow {
  readonly stage: string;
  readonly metric: Metric;
  readonly compareTo: GateCheck['compareTo'];
}

/** Why a plan cannot do its work at this traffic. */
export type PowerRefusal = OfRow & { readonly requestsAtMost: number } & (
    { readonly code: 'tooFewSamples'; readonly minSamples: number } | { readonly code: 'cannotPass' }
  );

/** What a plan does not see, or sees late. */
export type PowerWarning =
  | (OfRow & { readonly code: 'passesLate'; readonly extendedMs: number })
  | (OfRow & { readonly code: 'underpowered'; readonly minimumDetectableEffect: number | null })
  /** A kind of queries with such a share of them is more than hardly any, and has too few for a verdict. */
  | (OfRow & { readonly code: 'rareKinds'; readonly fromShare: number; readonly toShare: number })
  | { readonly code: 'slowEmergency'; readonly stage: string; readonly minutes: number }
  | { readonly code: 'noRequests'; readonly stage: string };

export interface PowerAnalysis {
  readonly rows: readonly RowPower[];
  /** By stage: how long the guard needs to be certain of a gross emergency; null where the candidate has no requests. */
  readonly emergencies: readonly { readonly stage: string; readonly minutes: number | null }[];
  /** A good release would be held. */
  readonly refusals: readonly PowerRefusal[];
  readonly warnings: readonly PowerWarning[];
}

/**
 * What each row of each stage can detect at so many judged requests a second (all kinds, both lanes together), for a stable of usual
 * quality (domain/metrics/power-model.ts). A row that is judged by kind is taken for a kind that all requests are of; how rare a kind may be is a
 * warning. Rows that traffic does not decide (evaluation, split) are left out.
 */
export function analysePower(plan: Plan, requestsPerSecond: number): PowerAnalysis {
  const rows = plan.stages.flatMap((stage) =>
    stage.rows.flatMap((row) => {
      const power = rowPower(plan, stage, row, requestsPerSecond);
      return power === null ? [] : [{ stage, row, power }];
    }),
  );
  const judged = rows.filter(({ power }) => !power.dryRun);
  const emergencies = plan.stages.map(({ name, percent }) => ({
    stage: name,
    minutes: emergencyMinutes(plan, (requestsPerSecond * percent) / 100),
  }));
  return {
    rows: rows.map(({ power }) => power),
    emergencies,
    refusals: judged.flatMap(({ power }) => refusalOf(power)),
    warnings: [
      ...judged.flatMap(({ stage, row, power }) => [
        ...warningsOf(power),
        ...(definitionOf(row.metric).byKind ? rareKinds(plan, stage, row, requestsPerSecond) : []),
      ]),
      ...emergencies.flatMap(slowEmergency),
    ],
  };
}

function refusalOf(row: RowPower): PowerRefusal[] {
  const { minSamples, requestsAtMost } = row;
  const of = { ...ofRow(row), requestsAtMost };
  if (row.samplesAfterMs === null) return [{ code: 'tooFewSamples', ...of, minSamples }];
  return row.passAfterMs === null ? [{ code: 'cannotPass', ...of }] : [];
}

function warningsOf(row: RowPower): PowerWarning[] {
  const { passAfterMs, underpowered, minimumDetectableEffect } = row;
  if (passAfterMs === null) return [];
  return [
    ...(passAfterMs === 0 ? [] : [{ code: 'passesLate', ...ofRow(row), extendedMs: passAfterMs } as const]),
    ...(underpowered ? [{ code: 'underpowered', ...ofRow(row), minimumDetectableEffect } as const] : []),
  ];
}

function ofRow({ stage, metric, compareTo }: OfRow): OfRow {
  return { stage, metric, compareTo };
}

function rareKinds(plan: Plan, stage: Stage, row: GateCheck, rate: number): PowerWarning[] {
  const passesAt = (share: number) => canPass(plan, stage, row, rate * share);
  if (!passesAt(1) || passesAt(HARDLY_ANY)) return [];
  const toShare = bisect(HARDLY_ANY, 1, passesAt);
  const of = ofRow({ ...row, stage: stage.name });
  return [{ code: 'rareKinds', ...of, fromShare: HARDLY_ANY, toShare }];
}

/** Minutes until the guard is certain; with the decision rule `threshold` its triggers' own time. */
function emergencyMinutes(plan: Plan, candidatePerSecond: number): number | null {
  if (!(candidatePerSecond > 0)) return null;
  const { compareEveryMs, triggers } = plan.guard;
  if (plan.decisionRule === 'threshold')
    return Math.min(...triggers.map(({ forMs }) => forMs).filter(Boolean)) / 60_000;
  const intervals = Math.max(1, Math.ceil(LEAST_REQUESTS / ((candidatePerSecond * compareEveryMs) / 1000)));
  return (CONSECUTIVE_INTERVALS * intervals * compareEveryMs) / 60_000;
}

/** From here on the runbook's ten minutes would be kept no more. */
const SLOW_EMERGENCY_MINUTES = 10;

function slowEmergency({ stage, minutes }: PowerAnalysis['emergencies'][number]): PowerWarning[] {
  if (minutes === null) return [{ code: 'noRequests', stage }];
  return minutes > SLOW_EMERGENCY_MINUTES ? [{ code: 'slowEmergency', stage, minutes }] : [];
}
