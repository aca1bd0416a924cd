import { newestOf, newestWeekly } from './evaluations.ts';
import type { AlertRules, Severity } from './rules.ts';
import { BLIND, NOT_SEEN, NO_EVALUATION, NO_WEEKLY, SEVERITIES, unseenAfterMs } from './rules.ts';
import type { Observation } from './rule-reading.ts';
import { keyOf } from './rule-step.ts';
import type { Alert, AlertState, RuleHistory } from './state.ts';
import { missing } from '../core/metric-value.ts';
import type { LaneName } from '../control/traffic-split.ts';

/** Something that rules need is not there, and for how long is too long already. */
interface Gap {
  readonly severity: Severity;
  readonly release: string | null;
  readonly reason: string;
}

/** A source of rules; `gap` is null where the source is there. A source that is late but not yet too late has no entry. */
interface SourceCheck {
  readonly key: string;
  readonly name: string;
  readonly lane: LaneName | null;
  readonly gap: Gap | null;
}

const LANES = ['stable', 'candidate'] as const;

/** Whether the sources of all rules are there: a source that is missing is an alert of its own, and never an all-clear. */
export function sourceChecks(
  before: AlertState,
  watches: AlertState['watches'],
  now: Observation,
): readonly SourceCheck[] {
  return [
    ...LANES.flatMap((lane) => ruleInputs(lane, watches, now)),
    ...gateway(before, now),
    ...controlListener(before, now),
    ...evaluationRuns(before, now),
  ];
}

/** One check for all rules on a lane whose input has not been there for their window. */
function ruleInputs(lane: LaneName, watches: AlertState['watches'], now: Observation): SourceCheck[] {
  if (now.poll.snapshot.kind === 'missing') return [];
  const gap = unseenRules(lane, watches, now.rules, now.nowMs);
  return [{ key: keyOf(NOT_SEEN, lane), name: NOT_SEEN, lane, gap }];
}

function gateway({ lastSeenMs }: AlertState, { poll, rules, nowMs }: Observation): SourceCheck[] {
  const { snapshot } = poll;
  if (snapshot.kind === 'snapshot') return [service(BLIND, null)];
  const { afterMs, severity } = rules.noTelemetry;
  if (nowMs - lastSeenMs < afterMs) return [];
  return [service(BLIND, { severity, release: null, reason: snapshot.reason })];
}

function controlListener({ sceneMs }: AlertState, { poll, rules, nowMs }: Observation): SourceCheck[] {
  if (poll.scene !== null) return [service(NOT_SEEN, null)];
  const { afterMs, severity } = rules.noTelemetry;
  // Without metrics the gateway is gone, which `BLIND` says.
  if (poll.snapshot.kind === 'missing' || nowMs - sceneMs < afterMs) return [];
  const reason = 'the control listener does not say who serves what';
  return [service(NOT_SEEN, { severity, release: null, reason })];
}

/** A schedule of evaluations that is paused, skipped or broken is a gap. */
function evaluationRuns({ startedMs }: AlertState, now: Observation): SourceCheck[] {
  const { scene, poll, rules, nowMs } = now;
  if (scene === null) return [];
  const { evaluations } = poll;
  const { maxAgeMs, weeklyMaxAgeMs, severity } = rules.evaluations;
  const records = evaluations.kind === 'evaluations' ? evaluations.records : [];
  const check = (
    name: string,
    newestMs: number | null,
    limitMs: number,
    release: string | null,
    why: string,
  ) => {
    if (newestMs !== null && nowMs - newestMs <= limitMs) return [service(name, null)];
    // A monitor that has just begun does not know what was before it.
    if (nowMs - Math.max(newestMs ?? 0, startedMs) <= limitMs) return [];
    const reason = evaluations.kind === 'missing' ? evaluations.reason : why;
    return [service(name, { severity, release, reason })];
  };
  const { stable } = scene;
  const newestMs = newestOf(stable, records)?.atMs ?? null;
  const weeklyMs = newestWeekly(records)?.atMs ?? null;
  return [
    ...check(NO_EVALUATION, newestMs, maxAgeMs, stable, 'no evaluation is young enough'),
    ...(weeklyMaxAgeMs === null
      ? []
      : check(NO_WEEKLY, weeklyMs, weeklyMaxAgeMs, null, 'none has run in time')),
  ];
}

function service(name: string, gap: Gap | null): SourceCheck {
  return { key: name, name, lane: null, gap };
}

/**
 * The rules on a lane whose input has not been there for their window; null where there is none. The reason reads
 * `norm-mismatch, list-imbalance: the lane does not say what it counts`.
 */
function unseenRules(
  lane: LaneName,
  watches: AlertState['watches'],
  rules: AlertRules,
  nowMs: number,
): Gap | null {
  const dead = rules.rules.flatMap((rule) => {
    const watch = watches[keyOf(rule.name, lane)];
    return watch !== undefined && nowMs - watch.seenMs >= unseenAfterMs(rule, rules) ? [{ rule, watch }] : [];
  });
  const [first] = dead;
  if (first === undefined) return null;
  const reasonOf = ({ measured }: RuleHistory) =>
    measured.kind === 'value' ? 'no reading' : measured.reason;
  const reasons = [...new Set(dead.map(({ watch }) => reasonOf(watch)))];
  const namesOf = (reason: string) =>
    dead.filter(({ watch }) => reasonOf(watch) === reason).map(({ rule }) => rule.name);
  return {
    // A warning at least: nobody knows what the rules would say.
    severity: mostSevere('warning', ...dead.map(({ rule }) => rule.severity)),
    release: first.watch.release,
    reason: reasons.map((reason) => `${namesOf(reason).join(', ')}: ${reason}`).join('; '),
  };
}

/** The alert about a gap; one that becomes more severe is a new one. */
export function gapAlert(
  before: Alert | null,
  { name, lane }: SourceCheck,
  { severity, release, reason }: Gap,
  { scene, nowMs }: Observation,
): Alert {
  const worst = mostSevere(severity, before?.severity ?? severity);
  const since =
    before?.severity === worst ? before : { sinceMs: nowMs, run: scene?.run ?? null, notifiedMs: null };
  return {
    ...since,
    name,
    severity: worst,
    release,
    metric: null,
    lane,
    measured: missing(reason),
    why: null,
    evaluationMs: null,
    notifiedEvaluationMs: null,
  };
}

function mostSevere(...severities: readonly [Severity, ...Severity[]]): Severity {
  return SEVERITIES.find((severity) => severities.includes(severity)) ?? severities[0];
}
