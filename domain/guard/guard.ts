import type { ControlView } from '../control/state.ts';
import type { GuardRules, Trigger } from '../plan/plan.ts';
import { detectNewBreaches } from './breach-detection.ts';
import { compareLanes } from './lane-comparison.ts';
import { describeNoTelemetry, describeTrigger } from './describe-event.ts';
import type { TriggerReading } from './trigger-evaluation.ts';
import { triggerReading, triggerStep } from './trigger-evaluation.ts';
import type { LaneName } from '../control/traffic-split.ts';
import type { Snapshot } from '../metrics/snapshot.ts';
import type { HarmAlarm } from './concurrent-control.ts';
import { sampleOf, samplesInUse } from '../rules/counter-sample.ts';
import { STANDS_STILL, seeClock } from '../metrics/source-clock.ts';
import type { GuardContext, GuardEvent, GuardState, Poll } from './state.ts';

/**
 * Whether the guard goes on with what it has seen after this event: who is blind goes on being blind since the same
 * moment, what breaches has done so since, and harm is said once. After anything else it starts over.
 */
export function carriesState({ kind }: GuardEvent): boolean {
  return ['noTelemetry', 'noTelemetryTimeout', 'breaching', 'harm', 'baselineAlsoFailing'].includes(kind);
}

/** What goes on (no data, both lanes breaching) is repeated this often: an operator who has resumed meanwhile should hear of it again. */
const REPEATED_AFTER_MS = 30 * 60_000;

/** A guard that begins to watch now. */
export function newGuard(nowMs: number): GuardState {
  return {
    interventions: 0,
    lastSeenMs: nowMs,
    clocks: null,
    noTelemetryNotified: null,
    notified: [],
    baselineNotifiedMs: {},
    samples: [],
    rules: { stable: {}, candidate: {} },
    compared: null,
  };
}

/** One poll: the state after it, and what is to be reported, if anything. The order is the order of certainty. */
export function guardStep(
  before: GuardState,
  read: Poll,
  context: GuardContext,
  nowMs: number,
): { readonly state: GuardState; readonly event: GuardEvent | null } {
  const { state, poll } = withoutOldBody(before, read);
  const control = controlEvent(poll.control, context);
  if (control !== null) return { state, event: control };
  if (poll.snapshot.kind === 'missing' || poll.control === null)
    return blind(state, poll, context.plan.guard, nowMs);
  const { snapshot } = poll.snapshot;
  const sees = { ...state, lastSeenMs: nowMs, noTelemetryNotified: null };
  const { seen, readings } = evaluateTriggers(sees, snapshot, context, nowMs);
  const breach = breachEvent(seen, context.plan.guard, nowMs);
  if (context.plan.decisionRule !== 'sequentialTest')
    return endOrTell(seen, breach, readings, context, nowMs);
  const { state: compared, alarm } = compareLanes(seen.compared, snapshot, context, nowMs);
  return endOrTell({ ...seen, compared }, breach ?? harmEvent(alarm), readings, context, nowMs);
}

/** Counters that stand still are no data: what happens to users meanwhile is not in them. */
function withoutOldBody(state: GuardState, poll: Poll): { state: GuardState; poll: Poll } {
  if (poll.snapshot.kind === 'missing') return { state, poll };
  const { seen: clocks, moved } = seeClock(state.clocks, poll.snapshot.snapshot);
  const snapshot = moved ? poll.snapshot : ({ kind: 'missing', reason: STANDS_STILL } as const);
  return { state: { ...state, clocks }, poll: { ...poll, snapshot } };
}

/** Whether the guard sees what happens to users; where it does not, nobody can vouch for the candidate. */
export function lacksTelemetry(
  { lastSeenMs }: GuardState,
  { noTelemetryAfterMs }: GuardRules,
  nowMs: number,
): boolean {
  return nowMs - lastSeenMs >= noTelemetryAfterMs;
}

/** What was found out; else whether a breach has begun, of which a person hears at once. */
function endOrTell(
  state: GuardState,
  event: GuardEvent | null,
  readings: Readonly<Record<string, TriggerReading>>,
  context: GuardContext,
  nowMs: number,
): { readonly state: GuardState; readonly event: GuardEvent | null } {
  if (event === null) return detectNewBreaches(state, readings, context);
  return event.kind === 'baselineAlsoFailing'
    ? {
        state: { ...state, baselineNotifiedMs: { ...state.baselineNotifiedMs, [event.trigger]: nowMs } },
        event,
      }
    : { state, event };
}

function harmEvent(alarm: HarmAlarm | null): GuardEvent | null {
  if (alarm === null) return null;
  const { onAlarm, trigger, reason } = alarm;
  return { kind: onAlarm === 'rollback' ? 'breach' : 'harm', trigger, reason };
}

/** A newer epoch, or a change that the rollout did not make. */
function controlEvent(
  control: ControlView | null,
  { epoch, interventions }: GuardContext,
): GuardEvent | null {
  if (control === null) return null;
  const { state } = control;
  if (state.epoch > epoch)
    return { kind: 'superseded', reason: `${state.owner} took over with epoch ${state.epoch}` };
  if (state.interventions > interventions && state.lastIntervention !== null)
    return {
      kind: 'intervened',
      intervention: state.lastIntervention,
      interventions: state.interventions,
      percent: state.percent,
    };
  return null;
}

function blind(
  state: GuardState,
  poll: Poll,
  rules: GuardRules,
  nowMs: number,
): { state: GuardState; event: GuardEvent | null } {
  const forMs = nowMs - state.lastSeenMs;
  const what =
    poll.snapshot.kind === 'missing' ? poll.snapshot.reason : 'the control listener does not answer';
  const reason = describeNoTelemetry(forMs, what);
  if (!lacksTelemetry(state, rules, nowMs)) return { state, event: null };
  const kind = forMs >= rules.noTelemetryMaxMs ? 'noTelemetryTimeout' : 'noTelemetry';
  const { noTelemetryNotified } = state;
  if (noTelemetryNotified?.kind === kind && nowMs - noTelemetryNotified.atMs < REPEATED_AFTER_MS)
    return { state, event: null };
  return { state: { ...state, noTelemetryNotified: { kind, atMs: nowMs } }, event: { kind, reason } };
}

/** The state with one more poll of each trigger on both lanes, and the readings of the candidate's. */
function evaluateTriggers(
  state: GuardState,
  snapshot: Snapshot,
  context: GuardContext,
  nowMs: number,
): { readonly seen: GuardState; readonly readings: Readonly<Record<string, TriggerReading>> } {
  const { guard } = context.plan;
  const samples = [...state.samples, sampleOf(snapshot, nowMs)];
  const evaluate = (lane: LaneName) =>
    guard.triggers.map((trigger) => {
      const reading = triggerReading(trigger, lane, snapshot, samples, context, nowMs);
      const before = state.rules[lane][trigger.name] ?? null;
      return { name: trigger.name, reading, series: triggerStep(before, trigger, reading, guard, nowMs) };
    });
  const [candidate, stable] = [evaluate('candidate'), evaluate('stable')];
  const seriesOf = (all: typeof candidate) =>
    Object.fromEntries(all.map(({ name, series }) => [name, series] as const));
  const longestMs = Math.max(0, ...guard.triggers.map(({ overMs }) => overMs));
  const seen = {
    ...state,
    samples: samplesInUse(samples, longestMs, nowMs),
    rules: { candidate: seriesOf(candidate), stable: seriesOf(stable) },
  };
  return { seen, readings: Object.fromEntries(candidate.map(({ name, reading }) => [name, reading])) };
}

function breachEvent(state: GuardState, { triggers }: GuardRules, nowMs: number): GuardEvent | null {
  const fires = (lane: LaneName, { name }: Trigger) => state.rules[lane][name]?.lasts === true;
  for (const trigger of triggers.filter((one) => fires('candidate', one))) {
    const stableToo = fires('stable', trigger);
    if (stableToo && nowMs - (state.baselineNotifiedMs[trigger.name] ?? -Infinity) < REPEATED_AFTER_MS)
      continue;
    const kind = stableToo ? 'baselineAlsoFailing' : 'breach';
    return { kind, trigger: trigger.name, reason: describeTrigger(trigger) };
  }
  return null;
}
