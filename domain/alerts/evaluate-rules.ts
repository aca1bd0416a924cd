import { dueMessages } from './due-messages.ts';
import type { EvaluationRecord } from './evaluations.ts';
import { withoutOldBodies } from './freshness.ts';
import { gapAlert, sourceChecks } from './missing-input.ts';
import type { AlertPoll, ServingContext } from './readings.ts';
import { laneWithUsers } from './readings.ts';
import type { Observation } from './rule-reading.ts';
import { alertRuleStep, keyOf } from './rule-step.ts';
import type { AlertRules } from './rules.ts';
import type { AlertEvent, AlertState } from './state.ts';
import { endOf, newAlerts } from './state.ts';
import type { MetricValue } from '../core/metric-value.ts';
import type { LaneName } from '../control/traffic-split.ts';
import type { RuleVerdict } from '../rules/series.ts';
import { sampleOf, samplesInUse } from '../rules/counter-sample.ts';
import type { TuningWatch } from './tuning-windows.ts';
import { tuningStep } from './tuning-windows.ts';

const LANES = ['stable', 'candidate'] as const;

/** What the rules say after some of them were evaluated. */
interface Evaluated {
  readonly watches: AlertState['watches'];
  readonly firing: AlertState['firing'];
  readonly events: readonly AlertEvent[];
}

/** One poll. Returns the state after it, and what people hear of. Missing data changes no alert but its own. */
export function alertStep(
  rules: AlertRules,
  before: AlertState,
  read: AlertPoll,
  nowMs: number,
): { readonly state: AlertState; readonly events: readonly AlertEvent[] } {
  const { clocks, poll } = withoutOldBodies(before.clocks, read);
  const now = observe(rules, before, poll, nowMs);
  const evaluated = withSourceChecks(evaluateRules(before, now), before, now);
  const { watches } = evaluated;
  const { firing, events } = dueMessages(evaluated.firing, watches, rules, nowMs);
  const state: AlertState = {
    startedMs: before.startedMs,
    polledMs: nowMs,
    lastSeenMs: poll.snapshot.kind === 'snapshot' ? nowMs : before.lastSeenMs,
    clocks,
    sceneMs: poll.scene === null ? before.sceneMs : nowMs,
    scene: now.scene,
    samples: samplesInUse(now.samples, longestLookBackMs(rules), nowMs),
    watches,
    tuning: now.tuning,
    firing,
  };
  return { state, events: [...evaluated.events, ...events] };
}

/** What one rule says of an evaluation; `inconclusive` is not an all-clear. */
export interface RuleFinding {
  readonly rule: string;
  readonly verdict: RuleVerdict;
  readonly measured: MetricValue;
}

/**
 * One look at a release's newest evaluation, where no monitor watches that release. Returns what each rule on evaluations says, and the
 * alerts that people hear of: without a lane, as the release may have none.
 */
export function evaluateOnce(
  rules: AlertRules,
  release: string,
  records: readonly EvaluationRecord[],
  nowMs: number,
): { readonly findings: readonly RuleFinding[]; readonly events: readonly AlertEvent[] } {
  const poll: AlertPoll = {
    snapshot: { kind: 'missing', reason: 'evaluations alone are looked at' },
    scene: {
      stable: release,
      candidate: null,
      run: null,
      flags: { stable: null, candidate: null },
      expectedShare: { stable: null, candidate: null },
    },
    evaluations: { kind: 'evaluations', records },
  };
  const { state, events } = alertStep(rules, newAlerts(nowMs), poll, nowMs);
  const findings = rules.rules.flatMap(({ name }): RuleFinding[] => {
    const watch = state.watches[keyOf(name, 'stable')];
    const verdict = watch?.polls.at(-1)?.verdict;
    return watch === undefined || verdict === undefined
      ? []
      : [{ rule: name, verdict, measured: watch.measured }];
  });
  return {
    findings,
    events: events.map((event) => ({ ...event, alert: { ...event.alert, lane: null } })),
  };
}

function observe(rules: AlertRules, before: AlertState, poll: AlertPoll, nowMs: number): Observation {
  const scene = poll.scene ?? before.scene;
  const samples =
    poll.snapshot.kind === 'snapshot'
      ? [...before.samples, sampleOf(poll.snapshot.snapshot, nowMs)]
      : before.samples;
  const tuningOf = (lane: LaneName) => tuningWatch(before.tuning[lane], poll, scene, lane, nowMs);
  const tuning = { stable: tuningOf('stable'), candidate: tuningOf('candidate') };
  return { rules, poll, scene, samples, tuning, nowMs };
}

function tuningWatch(
  before: TuningWatch | null,
  poll: AlertPoll,
  scene: ServingContext | null,
  lane: LaneName,
  nowMs: number,
): TuningWatch | null {
  if (poll.snapshot.kind === 'missing') return before;
  const { snapshot } = poll.snapshot;
  const counters = laneWithUsers(snapshot, lane);
  const nprobe = scene?.flags[lane]?.nprobe;
  if (counters === null || nprobe === undefined) return null;
  return tuningStep(before, counters, { nprobe, processStartMs: snapshot.processStartMs }, nowMs);
}

/** Every rule on both lanes, each by itself. */
function evaluateRules({ watches, firing }: AlertState, now: Observation): Evaluated {
  const outcomes = now.rules.rules.flatMap((rule) =>
    LANES.map((lane) => {
      const key = keyOf(rule.name, lane);
      const before = { watch: watches[key] ?? null, alert: firing[key] ?? null };
      return { key, ...alertRuleStep(rule, lane, before, now) };
    }),
  );
  return {
    watches: updated(
      watches,
      outcomes.map(({ key, watch }) => [key, watch]),
    ),
    firing: updated(
      firing,
      outcomes.map(({ key, alert }) => [key, alert]),
    ),
    events: outcomes.flatMap(({ events }) => events),
  };
}

/** The alerts on sources that are missing. */
function withSourceChecks(
  { watches, firing, events }: Evaluated,
  before: AlertState,
  now: Observation,
): Evaluated {
  const outcomes = sourceChecks(before, watches, now).map((check) => {
    const { key, gap } = check;
    const known = firing[key] ?? null;
    return gap === null
      ? { key, alert: null, over: endOf('resolved', key, known, null) }
      : { key, alert: gapAlert(known, check, gap, now), over: [] };
  });
  return {
    watches,
    firing: updated(
      firing,
      outcomes.map(({ key, alert }) => [key, alert]),
    ),
    events: [...events, ...outcomes.flatMap(({ over }) => over)],
  };
}

/** The record with these entries; null takes one away. */
function updated<T>(
  record: Readonly<Record<string, T>>,
  changes: readonly (readonly [string, T | null])[],
): Readonly<Record<string, T>> {
  const all = Object.entries<T | null>({ ...record, ...Object.fromEntries(changes) });
  return Object.fromEntries(all.filter((one): one is [string, T] => one[1] !== null));
}

function longestLookBackMs({ rules }: AlertRules): number {
  return Math.max(0, ...rules.map(({ lookBackMs }) => lookBackMs));
}
