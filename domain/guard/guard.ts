import type { ControlView } from '../control/state.ts';
import type { GuardRules, Trigger } from '../plan/plan.ts';
import { detectNewBreaches } from './breach-detection.ts';
import { compareLanes } from './lane-comparison.ts';
import { standing } from './trigger-evaluation.ts';
import type { HarmAlarm } from './concurrent-control.ts';
import type { PolledStanding } from '../rules/series.ts';
import { sustained } from '../rules/series.ts';
import { STANDS_STILL, seeClock } from '../metrics/source-clock.ts';
import type { GuardContext, GuardEvent, GuardState, Poll, PollRecord } from './state.ts';

/**
 * Whether the guard goes on with what it has seen after this event: who is blind goes on being blind since the same
 * moment, what breaches has done so since, and harm is said once. After anything else it starts over.
 */
export function goesOn({ kind }: GuardEvent): boolean {
  return ['blind', 'blindTooLong', 'breaching', 'harm', 'bothLanes'].includes(kind);
}

/** What goes on (no data, both lanes breaching) is repeated this often: an operator who has resumed meanwhile should hear of it again. */
const AGAIN_MS = 30 * 60_000;

/** A guard that begins to watch now. */
export function newGuard(nowMs: number): GuardState {
  return {
    interventions: 0,
    lastSeenMs: nowMs,
    clocks: null,
    blindTold: null,
    notified: [],
    toldBothMs: {},
    snapshots: [],
    records: [],
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
  const seen = remember({ ...state, lastSeenMs: nowMs, blindTold: null }, poll, context, nowMs);
  const breach = breachEvent(seen, context.plan.guard, nowMs);
  if (context.plan.decisionRule !== 'sequentialTest') return endOrTell(seen, breach, context, nowMs);
  const { state: compared, alarm } = compareLanes(seen.compared, poll.snapshot.snapshot, context, nowMs);
  return endOrTell({ ...seen, compared }, breach ?? harmEvent(alarm), context, nowMs);
}

/** Counters that stand still are no data: what happens to users meanwhile is not in them. */
function withoutOldBody(state: GuardState, poll: Poll): { state: GuardState; poll: Poll } {
  if (poll.snapshot.kind === 'missing') return { state, poll };
  const { seen: clocks, moved } = seeClock(state.clocks, poll.snapshot.snapshot);
  const snapshot = moved ? poll.snapshot : ({ kind: 'missing', reason: STANDS_STILL } as const);
  return { state: { ...state, clocks }, poll: { ...poll, snapshot } };
}

/** Whether the guard sees what happens to users; where it does not, nobody can vouch for the candidate. */
export function isBlind(
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
  context: GuardContext,
  nowMs: number,
): { readonly state: GuardState; readonly event: GuardEvent | null } {
  if (event === null) return detectNewBreaches(state, context, nowMs);
  return event.kind === 'bothLanes'
    ? { state: { ...state, toldBothMs: { ...state.toldBothMs, [event.trigger]: nowMs } }, event }
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
  const reason = `blind for ${Math.round(forMs / 1000)} s: ${what}`;
  if (!isBlind(state, rules, nowMs)) return { state, event: null };
  const kind = forMs >= rules.noTelemetryMaxMs ? 'blindTooLong' : 'blind';
  const { blindTold } = state;
  if (blindTold?.kind === kind && nowMs - blindTold.atMs < AGAIN_MS) return { state, event: null };
  return { state: { ...state, blindTold: { kind, atMs: nowMs } }, event: { kind, reason } };
}

function remember(state: GuardState, { snapshot }: Poll, context: GuardContext, nowMs: number): GuardState {
  const { triggers } = context.plan.guard;
  const snapshots = [...state.snapshots, { atMs: nowMs, result: snapshot }];
  const standings = (lane: 'stable' | 'candidate') =>
    Object.fromEntries(triggers.map((rule) => [rule.name, standing(rule, lane, snapshots, context, nowMs)]));
  const record: PollRecord = { atMs: nowMs, candidate: standings('candidate'), stable: standings('stable') };
  const longest = (of: (trigger: Trigger) => number) => Math.max(0, ...triggers.map(of));
  // One more than the longest look-back: the snapshot that lies just before it opens the window.
  const keptFrom = snapshots.findLastIndex(({ atMs }) => atMs <= nowMs - longest(({ overMs }) => overMs));
  const historyMs = longest(({ forMs, polls }) => Math.max(forMs, polls * context.plan.guard.pollMs * 2));
  return {
    ...state,
    snapshots: snapshots.slice(Math.max(0, keptFrom)),
    records: [...state.records, record].filter(({ atMs }) => atMs >= nowMs - historyMs),
  };
}

function breachEvent(state: GuardState, rules: GuardRules, nowMs: number): GuardEvent | null {
  for (const rule of rules.triggers) {
    if (
      !breached(
        rule,
        rules,
        state.records.map((record) => standingAt(record, 'candidate', rule)),
        nowMs,
      )
    )
      continue;
    const stableToo = breached(
      rule,
      rules,
      state.records.map((record) => standingAt(record, 'stable', rule)),
      nowMs,
    );
    if (stableToo && nowMs - (state.toldBothMs[rule.name] ?? -Infinity) < AGAIN_MS) continue;
    const reason = `${rule.name}: ${describe(rule)}`;
    return { kind: stableToo ? 'bothLanes' : 'breach', trigger: rule.name, reason };
  }
  return null;
}

/** A rule in words: `errorRate over 1 % for 10 min`. */
function describe({ metric, over, forMs, polls }: Trigger): string {
  const limit = metric === 'endToEndP95' ? `${over} ms` : `${Number((over * 100).toFixed(2))} %`;
  const lasting = forMs >= 60_000 ? `${forMs / 60_000} min` : `${forMs / 1000} s`;
  return `${metric} over ${limit} ${polls > 0 ? `in ${polls} polls in a row` : `for ${lasting}`}`;
}

function standingAt(record: PollRecord, lane: 'stable' | 'candidate', rule: Trigger): PolledStanding {
  return { atMs: record.atMs, standing: record[lane][rule.name] ?? 'few' };
}

function breached(
  rule: Trigger,
  rules: GuardRules,
  standings: readonly PolledStanding[],
  nowMs: number,
): boolean {
  if (rule.polls > 0) {
    const last = standings.slice(-rule.polls);
    return last.length === rule.polls && last.every(({ standing: at }) => at === 'breach');
  }
  return sustained('breach', standings, { forMs: rule.forMs, pollMs: rules.pollMs }, nowMs);
}
