import { z } from 'zod';
import { STARTABLE } from '../domain/alerts/mitigation.ts';
import type { AlertMetric, AlertRule, AlertRules, Mitigation } from '../domain/alerts/rules.ts';
import { ALERT_METRICS, MITIGATIONS, PLACES, SEVERITIES } from '../domain/alerts/rules.ts';
import { alertRuleProblems } from '../domain/alerts/rules-consistency.ts';
import {
  distance,
  duration,
  fields,
  latency,
  list,
  oneOf,
  percent,
  points,
  ratio,
  readAs,
  template,
  text,
  unionBy,
  whole,
} from './fields.ts';
import { withAlertNames } from './old-names.ts';

export type ParsedAlertRules =
  | { readonly ok: true; readonly rules: AlertRules }
  | { readonly ok: false; readonly problems: readonly string[] };

const METRICS = Object.keys(ALERT_METRICS) as AlertMetric[];
const LIMITS = { share: percent, points, ms: latency, norm: distance, ratio } as const;

const startable = STARTABLE as readonly string[];
const mitigation = fields({
  do: oneOf(MITIGATIONS),
  how: oneOf(['propose', 'start']).default('propose'),
}).refine(({ do: name, how }) => how === 'propose' || startable.includes(name), {
  path: ['how'],
  error: ({ input }) =>
    `${(input as Mitigation).do} can only be proposed; what can be started: ${STARTABLE.join(', ')}`,
});

/** A rule on one metric: its limit in the metric's unit, on the side that is bad, and a time where polls are judged. */
function ruleOn(metric: AlertMetric) {
  const { source, unit, worse } = ALERT_METRICS[metric];
  const limit: z.ZodType<number> = LIMITS[unit];
  const timing = { for: duration(500), lookBack: duration(500), minSamples: whole(1) };
  return fields({
    name: text,
    severity: oneOf(SEVERITIES),
    metric: z.literal(metric),
    ...(worse === 'over' ? { over: limit } : { under: limit }),
    ...(source === 'window' || source === 'gauge' ? timing : {}),
    says: template(PLACES),
    runbook: text,
    risk: text.optional(),
    mitigate: list(mitigation).default([]),
  });
}

/** What a rule's fields hold: a limit on one side, and a time where polls are judged. */
interface Read extends Omit<AlertRule, 'limit' | 'forMs' | 'lookBackMs' | 'minSamples' | 'risk'> {
  readonly over?: number;
  readonly under?: number;
  readonly for?: number;
  readonly lookBack?: number;
  readonly minSamples?: number;
  readonly risk?: string | undefined;
}

function ruleOf({ over, under, lookBack = 0, minSamples = 1, risk, ...read }: Read): AlertRule {
  const { for: forMs = 0, ...rest } = read;
  const limit = over ?? under ?? Number.NaN;
  return { ...rest, limit, forMs, lookBackMs: lookBack, minSamples, risk: risk ?? null };
}

type Rule = ReturnType<typeof ruleOn>;
const options = METRICS.map(ruleOn) as [Rule, ...Rule[]];
// The compiler does not follow which metric has which of the fields.
const rule = unionBy('metric', METRICS, options).transform((read) => ruleOf(read as Read));

/** Alert rules as their file has them. Editors read the JSON schema that is made of it: plans/alerts/alert-rules.schema.json. */
export const alertRulesSchema = fields({
  alerts: text,
  describes: text,
  poll: duration(100),
  reminder: duration(1_000),
  keepFiringFor: duration(500),
  noTelemetry: fields({ after: duration(500), severity: oneOf(SEVERITIES) }),
  evaluations: fields({
    maxAge: duration(1_000),
    weeklyMaxAge: duration(1_000).optional(),
    severity: oneOf(SEVERITIES),
  }),
  rules: list(rule),
});

/** Alert rules out of what a YAML file holds, or everything that is wrong with it, each by its field. */
export function parseAlertRules(raw: unknown): ParsedAlertRules {
  const result = readAs(alertRulesSchema, withAlertNames(raw), 'the alert rules');
  if (!result.ok) return result;
  const { alerts: name, describes, noTelemetry, evaluations, ...read } = result.data;
  const rules: AlertRules = {
    name,
    describes,
    pollMs: read.poll,
    reminderMs: read.reminder,
    keepFiringForMs: read.keepFiringFor,
    noTelemetry: { afterMs: noTelemetry.after, severity: noTelemetry.severity },
    evaluations: {
      maxAgeMs: evaluations.maxAge,
      weeklyMaxAgeMs: evaluations.weeklyMaxAge ?? null,
      severity: evaluations.severity,
    },
    rules: read.rules,
  };
  const problems = alertRuleProblems(rules);
  return problems.length === 0 ? { ok: true, rules } : { ok: false, problems };
}
