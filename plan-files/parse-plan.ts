import { z } from 'zod';
import { KIND_METRICS } from '../domain/metrics/query-kinds.ts';
import type { Unit } from '../domain/metrics/metric.ts';
import type { Metric } from '../domain/metrics/registry.ts';
import { METRICS, definitionOf } from '../domain/metrics/registry.ts';
import type { GateCheck, HarmRule, Plan, Stage, Trigger } from '../domain/plan/plan.ts';
import { DECISION_RULES, REMEDIATION_STEPS } from '../domain/plan/plan.ts';
import { planProblems } from '../domain/plan/plan-consistency.ts';
import {
  boolean,
  duration,
  fields,
  latency,
  list,
  mustBe,
  numberBetween,
  oneOf,
  pValue,
  ratio,
  readAs,
  share,
  text,
  unionBy,
  whole,
} from './fields.ts';
import { withPlanNames } from './old-names.ts';

export type ParsedPlan =
  { readonly ok: true; readonly plan: Plan } | { readonly ok: false; readonly problems: readonly string[] };

/** Limits of a row are written in its metric's unit; one in another unit is a mistake, not a number. */
function rowOf<A extends z.ZodType<'limit' | 'stable' | undefined>>(
  metrics: readonly Metric[],
  compareTo: A,
  limit: typeof share,
) {
  return fields({
    metric: oneOf(metrics),
    compareTo,
    warnAbove: limit.optional(),
    failAbove: limit.optional(),
    onFail: oneOf(['hold', 'rollback', 'remediate']).default('hold'),
    useInterval: boolean.default(true),
    minSamples: whole(1),
    remediation: list(oneOf(REMEDIATION_STEPS)).default([]),
    dryRun: boolean.default(false),
  });
}

const either = oneOf(['limit', 'stable']).optional();
const itsLimit = z.literal('limit').optional();
const stableAlone = (metric: Metric) =>
  z.literal('stable', {
    error: `must be stable for ${metric}: a text is encoded first, and the runbook has no limit for that`,
  });
const withUnit = (...units: readonly Unit[]) =>
  METRICS.filter((metric) => units.includes(definitionOf(metric).unit));
const [latencies, byKind] = [false, true].map((alone) =>
  withUnit('ms').filter((metric) => definitionOf(metric).againstStableOnly === alone),
) as [Metric[], Metric[]];

const row = unionBy('metric', METRICS, [
  rowOf(withUnit('share', 'points'), either, share),
  rowOf(withUnit('ratio'), either, ratio),
  rowOf(withUnit('p'), either, pValue),
  unionBy(
    'compareTo',
    ['limit', 'stable'],
    [rowOf(latencies, itsLimit, latency), rowOf(latencies, z.literal('stable'), ratio)],
  ),
  ...byKind.map((metric) => rowOf([metric], stableAlone(metric), ratio)),
])
  .transform(({ compareTo = 'limit', warnAbove = null, failAbove = null, ...rest }): GateCheck => ({
    ...rest,
    compareTo,
    warnAbove,
    failAbove,
  }))
  .superRefine(({ warnAbove, failAbove, onFail, remediation }, { addIssue }) => {
    const wrong = (field: string, message: string) => addIssue({ code: 'custom', path: [field], message });
    if (warnAbove === null && failAbove === null)
      wrong('warnAbove', 'is missing, and so is failAbove: one is needed');
    if (warnAbove !== null && failAbove !== null && warnAbove > failAbove)
      wrong('failAbove', 'must not lie below warnAbove');
    if (onFail === 'remediate' && remediation.length === 0)
      wrong('remediation', 'is needed by onFail: remediate');
  });

const percentRule = mustBe('a number over 0 and up to 100');
const percent = z.number(percentRule).gt(0, percentRule).max(100, percentRule);

const margin = share.prefault('0 %');

const stage = fields({
  name: text,
  percent,
  at: duration(),
  runbookAt: text,
  warmUp: duration(),
  decideAt: duration(),
  runbookDecideAt: text,
  window: duration(1_000),
  evaluate: oneOf(['start', 'end']).optional(),
  margins: fields({ errorRate: margin, slow: margin, qualityShortfall: margin }).prefault({}),
  rows: list(row),
}).transform(({ at, warmUp, decideAt, window, evaluate = null, ...rest }): Stage => ({
  ...rest,
  atMs: at,
  warmUpMs: warmUp,
  decideAtMs: decideAt,
  windowMs: window,
  evaluate,
}));

const TRIGGER_METRICS = ['errorRate', 'endToEndP95', 'qualityShortfall'] as const;
const isLatency = (metric: Metric) => definitionOf(metric).unit === 'ms';
const HARM_METRICS = [...TRIGGER_METRICS, ...KIND_METRICS] as const;
type HarmMetric = (typeof HARM_METRICS)[number];

function harmOf<O extends z.ZodRawShape>(metrics: readonly HarmMetric[], over: O) {
  return fields({
    metric: oneOf(metrics),
    ...over,
    tolerance: share.refine((of) => of > 0, 'must be over 0: any harm, however small, is proven one day'),
    onAlarm: oneOf(['hold', 'rollback']),
  });
}

const slowerThan = ratio.refine(
  (over) => over >= 1,
  'must be at least x1: half of a good lane is slow by less',
);
const harm = unionBy('metric', HARM_METRICS, [
  harmOf(
    HARM_METRICS.filter((metric) => isLatency(metric)),
    { over: slowerThan },
  ),
  harmOf(
    HARM_METRICS.filter((metric) => !isLatency(metric)),
    {},
  ),
]).transform((of): HarmRule => ({ over: null, ...of }));

function triggerOf(metrics: readonly Trigger['metric'][], over: typeof share) {
  return fields({
    name: text,
    metric: oneOf(metrics),
    over,
    lookBack: duration(1_000),
    minSamples: whole(1),
    for: duration(1_000).optional(),
    polls: whole(1).optional(),
  });
}

const trigger = unionBy('metric', TRIGGER_METRICS, [
  triggerOf(
    TRIGGER_METRICS.filter((metric) => isLatency(metric)),
    latency,
  ),
  triggerOf(
    TRIGGER_METRICS.filter((metric) => !isLatency(metric)),
    share,
  ),
])
  .superRefine(({ for: sustained, polls }, { addIssue }) => {
    if ((sustained === undefined) === (polls === undefined))
      addIssue({ code: 'custom', path: ['for'], message: 'give either for (sustained) or polls (in a row)' });
  })
  .transform(({ lookBack, for: forMs = 0, polls = 0, ...rest }): Trigger => ({
    ...rest,
    overMs: lookBack,
    forMs,
    polls,
  }));

const guard = fields({
  poll: duration(500),
  compareEvery: duration(1_000).prefault('1m'),
  harms: list(harm).default([]),
  leaseTtl: duration(1_000),
  onLeaseExpiry: oneOf(['zero', 'keep']).default('zero'),
  noTelemetryAfter: duration(1_000),
  noTelemetryMax: duration(1_000),
  notReady: duration(1_000),
  triggers: list(trigger),
  rAt5DropOver: share,
});

/** A plan as its file has it. Editors read the JSON schema that is made of it: plans/plan.schema.json. */
export const planSchema = fields({
  plan: text,
  describes: text,
  decisionRule: oneOf(DECISION_RULES).default('sequentialTest'),
  baseline: duration(1_000),
  confidence: numberBetween(0.5, 1, 'a number between 0.5 and 1'),
  p95Excess: duration(),
  extend: fields({ by: duration(1_000), atMost: whole(0) }),
  maxRemediations: whole(0).default(3), // nprobe one way, the reranker, and the other model
  holdEvery: duration(1_000),
  keepPrevious: duration(),
  loadWithin: duration(1_000),
  shadow: share.optional(),
  monitor: oneOf(['required']).optional(),
  guard,
  stages: list(stage),
});

function planOf({ plan: name, guard: watch, shadow, ...read }: z.output<typeof planSchema>): Plan {
  return {
    name,
    describes: read.describes,
    decisionRule: read.decisionRule,
    baselineMs: read.baseline,
    confidence: read.confidence,
    p95ExcessMs: read.p95Excess,
    extendByMs: read.extend.by,
    extendAtMost: read.extend.atMost,
    maxRemediations: read.maxRemediations,
    holdEveryMs: read.holdEvery,
    keepPreviousMs: read.keepPrevious,
    loadWithinMs: read.loadWithin,
    shadowPercent: shadow === undefined ? null : 100 * shadow,
    monitor: read.monitor ?? null,
    guard: {
      pollMs: watch.poll,
      compareEveryMs: watch.compareEvery,
      harms: watch.harms,
      leaseTtlMs: watch.leaseTtl,
      onLeaseExpiry: watch.onLeaseExpiry,
      noTelemetryAfterMs: watch.noTelemetryAfter,
      noTelemetryMaxMs: watch.noTelemetryMax,
      notReadyMs: watch.notReady,
      triggers: watch.triggers,
      rAt5DropOver: watch.rAt5DropOver,
    },
    stages: read.stages,
  };
}

/** A plan out of what a YAML file holds, or everything that is wrong with it, each by its field. */
export function parsePlan(raw: unknown): ParsedPlan {
  const read = readAs(planSchema, withPlanNames(raw), 'the plan');
  if (!read.ok) return read;
  const plan = planOf(read.data);
  const problems = planProblems(plan);
  return problems.length === 0 ? { ok: true, plan } : { ok: false, problems };
}
