import type { MetricDefinition, Unit } from '../metrics/metric.ts';
import { KIND_METRICS } from '../metrics/query-kinds.ts';
import type { Metric } from '../metrics/registry.ts';
import { METRICS, definitionOf } from '../metrics/registry.ts';
import type { GateRow, GuardRules, HarmRule, Margins, Plan, Stage, Trigger } from './plan.ts';
import { JUDGES, LADDER_STEPS } from './plan.ts';
import { planProblems } from './plan-consistency.ts';
import { Reader } from '../core/field-reader.ts';

export type ParsedPlan =
  { readonly ok: true; readonly plan: Plan } | { readonly ok: false; readonly problems: readonly string[] };

/** For plans that do not say: nprobe one way, the reranker, and the other model. */
const LADDER_AT_MOST = 3;

/** A plan out of what a YAML file holds, or everything that is wrong with it, each by its field. */
export function parsePlan(raw: unknown): ParsedPlan {
  const problems: string[] = [];
  const read = new Reader(raw, '', problems);
  const extend = read.nested('extend');
  const judge = read.oneOf('judge', JUDGES, 'sequential');
  const plan: Plan = {
    name: read.text('plan'),
    describes: read.text('describes'),
    judge,
    baselineMs: read.durationMs('baseline', 1_000),
    confidence: read.value('confidence', 'must be a number between 0.5 and 1', (value) =>
      typeof value === 'number' && value > 0.5 && value < 1 ? value : null,
    ),
    p95ExcessMs: read.durationMs('p95Excess'),
    extendByMs: extend.durationMs('by', 1_000),
    extendAtMost: extend.whole('atMost', 0),
    ladderAtMost: read.whole('ladderAtMost', 0, LADDER_AT_MOST),
    holdEveryMs: read.durationMs('holdEvery', 1_000),
    keepPreviousMs: read.durationMs('keepPrevious'),
    loadWithinMs: read.durationMs('loadWithin', 1_000),
    shadowPercent: read.optional('shadow', (field) => 100 * limitIn(read, field, 'share')),
    monitor: read.optional('monitor', (field) => read.oneOf(field, ['required'])),
    guard: guardOf(read.nested('guard')),
    stages: read.list('stages', (stage, path) => stageOf(new Reader(stage, path, problems))),
  };
  extend.noMore();
  read.noMore();
  if (problems.length === 0) problems.push(...planProblems(plan));
  return problems.length === 0 ? { ok: true, plan } : { ok: false, problems };
}

function stageOf(read: Reader): Stage {
  const stage: Stage = {
    name: read.text('name'),
    percent: read.value('percent', 'must be a number over 0 and up to 100', (value) =>
      typeof value === 'number' && value > 0 && value <= 100 ? value : null,
    ),
    atMs: read.durationMs('at'),
    runbookAt: read.text('runbookAt'),
    warmUpMs: read.durationMs('warmUp'),
    decideAtMs: read.durationMs('decideAt'),
    runbookDecideAt: read.text('runbookDecideAt'),
    windowMs: read.durationMs('window', 1_000),
    evaluate: read.optional('evaluate', (field) => read.oneOf(field, ['start', 'end'])),
    margins: marginsOf(read.optional('margins', (field) => read.nested(field))),
    rows: read.list('rows', (row, path) => rowOf(new Reader(row, path, read.problems))),
  };
  read.noMore();
  return stage;
}

function marginsOf(read: Reader | null): Margins {
  const margin = (field: string) => read?.optional(field, () => limitIn(read, field, 'share')) ?? 0;
  const margins = {
    errorRate: margin('errorRate'),
    slow: margin('slow'),
    qualityShortfall: margin('qualityShortfall'),
  };
  read?.noMore();
  return margins;
}

function rowOf(read: Reader): GateRow {
  const metric = read.oneOf('metric', METRICS);
  const definition = definitionIn(metric);
  const against = read.oneOf('against', ['limit', 'stable'], 'limit');
  const row: GateRow = {
    metric,
    against,
    warnOver: limitOf(read, 'warnOver', definition?.unit, against),
    redOver: limitOf(read, 'redOver', definition?.unit, against),
    onRed: read.oneOf('onRed', ['hold', 'rollback', 'ladder'], 'hold'),
    decide: read.oneOf('decide', ['interval', 'point'], 'interval'),
    minSamples: read.whole('minSamples', 1),
    ladder: read.list(
      'ladder',
      (step, path) => new Reader({ step }, path, read.problems).oneOf('step', LADDER_STEPS),
      [],
    ),
    informs: read.boolean('informs', false),
  };
  read.noMore();
  if (row.warnOver === null && row.redOver === null)
    read.wrong('warnOver', 'is missing, and so is redOver: one is needed');
  if (row.warnOver !== null && row.redOver !== null && row.warnOver > row.redOver)
    read.wrong('redOver', 'must not lie below warnOver');
  if (row.against === 'limit' && definition?.againstStableOnly === true)
    read.wrong(
      'against',
      `must be stable for ${metric}: a text is encoded first, and the runbook has no limit for that`,
    );
  if (row.onRed === 'ladder' && row.ladder.length === 0) read.wrong('ladder', 'is needed by onRed: ladder');
  return row;
}

/** All that is known of a metric; undefined for a name that is no metric's, which is noted as a problem already. */
function definitionIn(metric: Metric): MetricDefinition | undefined {
  return METRICS.includes(metric) ? definitionOf(metric) : undefined;
}

function limitOf(
  read: Reader,
  field: string,
  unit: Unit | undefined,
  against: 'limit' | 'stable',
): number | null {
  return read.optional(field, () =>
    limitIn(read, field, unit === 'ms' && against === 'stable' ? 'ratio' : unit),
  );
}

function limitIn(read: Reader, field: string, unit: Unit | undefined): number {
  switch (unit) {
    case 'ms':
      return read.value(field, 'must be a latency such as 8ms', (value) =>
        amount(value, /^(\d+(?:\.\d+)?)ms$/),
      );
    case 'ratio':
      return read.value(field, 'must be a ratio such as x1.15', (value) =>
        amount(value, /^x(\d+(?:\.\d+)?)$/),
      );
    case 'p':
      return read.value(field, 'must be a p-value such as p<0.001', (value) => {
        const p = amount(value, /^p<(0?\.\d+)$/);
        return p === null ? null : 1 - p;
      });
    case 'share':
    case 'points':
    case undefined:
      return read.value(field, 'must be a share such as 0.2 % or 5 points', (value) => {
        const hundredths = amount(value, /^(\d+(?:\.\d+)?) ?(?:%|points?)$/);
        return hundredths === null || hundredths > 100 ? null : hundredths / 100;
      });
    default:
      return unit satisfies never;
  }
}

function amount(value: unknown, pattern: RegExp): number | null {
  const match = typeof value === 'string' ? pattern.exec(value) : null;
  return match === null ? null : Number(match[1]);
}

const TRIGGER_METRICS = ['errorRate', 'endToEndP95', 'qualityShortfall'] as const;

function guardOf(read: Reader): GuardRules {
  const guard: GuardRules = {
    pollMs: read.durationMs('poll', 500),
    compareEveryMs: read.optional('compareEvery', (field) => read.durationMs(field, 1_000)) ?? 60_000,
    harms: read.list('harms', (harm, path) => harmOf(new Reader(harm, path, read.problems)), []),
    leaseTtlMs: read.durationMs('leaseTtl', 1_000),
    onLeaseExpiry: read.oneOf('onLeaseExpiry', ['zero', 'keep'], 'zero'),
    blindAfterMs: read.durationMs('blindAfter', 1_000),
    blindMaxMs: read.durationMs('blindMax', 1_000),
    notReadyMs: read.durationMs('notReady', 1_000),
    triggers: read.list('triggers', (trigger, path) => triggerOf(new Reader(trigger, path, read.problems))),
    rAt5DropOver: limitIn(read, 'rAt5DropOver', 'share'),
  };
  read.noMore();
  return guard;
}

function harmOf(read: Reader): HarmRule {
  const metric = read.oneOf('metric', [...TRIGGER_METRICS, ...KIND_METRICS] as const);
  const rule: HarmRule = {
    metric,
    over: definitionIn(metric)?.unit === 'ms' ? limitIn(read, 'over', 'ratio') : null,
    tolerance: limitIn(read, 'tolerance', 'share'),
    onAlarm: read.oneOf('onAlarm', ['hold', 'rollback']),
  };
  read.noMore();
  if (rule.tolerance === 0)
    read.wrong('tolerance', 'must be over 0: any harm, however small, is proven one day');
  if (rule.over !== null && rule.over < 1)
    read.wrong('over', `must be at least x1, not x${rule.over}: half of a good lane is slow by it`);
  return rule;
}

function triggerOf(read: Reader): Trigger {
  const metric = read.oneOf('metric', TRIGGER_METRICS);
  const trigger: Trigger = {
    name: read.text('name'),
    metric,
    over: limitIn(read, 'over', definitionIn(metric)?.unit),
    overMs: read.durationMs('lookBack', 1_000),
    minSamples: read.whole('minSamples', 1),
    forMs: read.optional('for', (field) => read.durationMs(field, 1_000)) ?? 0,
    polls: read.whole('polls', 1, 0),
  };
  read.noMore();
  if (trigger.forMs > 0 === trigger.polls > 0)
    read.wrong('for', 'give either for (sustained) or polls (in a row)');
  return trigger;
}
