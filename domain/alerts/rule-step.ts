import type { AlertRule, AlertRules } from './rules.ts';
import type { Observation } from './rule-reading.ts';
import { ruleReading } from './rule-reading.ts';
import type { Alert, AlertEvent, RuleHistory } from './state.ts';
import { endOf } from './state.ts';
import type { AlertReading } from './threshold.ts';
import type { LaneName } from '../control/traffic-split.ts';
import type { RuleTiming } from '../rules/series.ts';
import { ruleStep } from '../rules/series.ts';

/** One rule on one lane: what it remembers, and the alert while it fires. */
export interface TrackedRule {
  readonly watch: RuleHistory | null;
  readonly alert: Alert | null;
}

export interface RuleOutcome extends TrackedRule {
  /** An alert that is over. */
  readonly events: readonly AlertEvent[];
}

/**
 * One more poll of a rule on a lane. Returns the rule after it, unchanged without its source, and empty where the lane
 * serves nobody. Another release under the lane's name starts from nothing.
 */
export function alertRuleStep(
  rule: AlertRule,
  lane: LaneName,
  before: TrackedRule,
  now: Observation,
): RuleOutcome {
  const key = keyOf(rule.name, lane);
  const read = ruleReading(rule, lane, now);
  if (read.kind === 'unknown') return { ...before, events: [] };
  if (read.kind === 'unwatched') return unwatched(key, before);
  const { release, reading } = read;
  const isOther = before.watch !== null && before.watch.release !== release;
  const { watch: known, alert, events } = isOther ? unwatched(key, before) : { ...before, events: [] };
  const watch = watchAfter(known, release, reading, timingOf(rule, now.rules), now.nowMs);
  if (watch.lasts) return { watch, alert: firing(alert, rule, lane, release, reading, now), events };
  return watch.state === 'firing'
    ? { watch, alert, events }
    : { watch, alert: null, events: [...events, ...endOf('resolved', key, alert, watch)] };
}

/** Names a rule on a lane. */
export function keyOf(rule: string, lane: LaneName): string {
  return `${rule}/${lane}`;
}

function unwatched(key: string, { watch, alert }: TrackedRule): RuleOutcome {
  return { watch: null, alert: null, events: endOf('stale', key, alert, watch) };
}

/** A rule without a time of its own is decided by its newest reading, and keeps no older one. */
function timingOf({ forMs }: AlertRule, { pollMs, keepFiringForMs }: AlertRules): RuleTiming {
  const historyMs = forMs === 0 ? 0 : Math.max(forMs, keepFiringForMs);
  return { pollMs, forMs, polls: 0, keepFiringForMs: Math.min(keepFiringForMs, forMs), historyMs };
}

function watchAfter(
  before: RuleHistory | null,
  release: string,
  { verdict, measured, unseen }: AlertReading,
  timing: RuleTiming,
  nowMs: number,
): RuleHistory {
  const seenMs = unseen === true ? (before?.seenMs ?? nowMs) : nowMs;
  return { release, ...ruleStep(before, verdict, timing, nowMs), measured, atMs: nowMs, seenMs };
}

function firing(
  before: Alert | null,
  { name, severity, metric }: AlertRule,
  lane: LaneName,
  release: string,
  { measured, why, evaluationMs }: AlertReading,
  { scene, nowMs }: Observation,
): Alert {
  const about = { name, severity, metric, lane, release, measured, why: why ?? null };
  const since = before ?? { sinceMs: nowMs, run: scene?.run ?? null, notifiedMs: null };
  const evaluations = {
    evaluationMs: evaluationMs ?? null,
    notifiedEvaluationMs: before?.notifiedEvaluationMs ?? null,
  };
  return { ...since, ...about, ...evaluations };
}
