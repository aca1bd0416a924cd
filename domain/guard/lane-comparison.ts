import type { GrossFailureState } from './gross-failure-detector.ts';
import { grossFailureStep } from './gross-failure-detector.ts';
import type { Strata } from '../metrics/like-with-like.ts';
import type { HarmRule, Plan } from '../plan/plan.ts';
import type { HarmAlarm, PairedCounts } from './concurrent-control.ts';
import {
  expectedDifferenceOf,
  laneDelta,
  latenciesOf,
  slowerThanStableMs,
  countFailures,
} from './concurrent-control.ts';
import type { HarmState } from './harm-detector.ts';
import { harmKinds, harmName, harmStep } from './harm-detector.ts';
import type { Histogram } from '../metrics/histogram.ts';
import { EMPTY, plus, scaled, total } from '../metrics/histogram.ts';
import type { Snapshot } from '../metrics/snapshot.ts';
import type { ReleaseQuality } from '../core/release-quality.ts';

/** What the decision rule `sequentialTest` carries from interval to interval, and from stage to stage. Plain JSON. */
export interface Compared {
  /** Opens the interval under way. */
  readonly opening: Snapshot;
  readonly percent: number;
  readonly percentSinceMs: number;
  /** Stable's recent latencies, by name: older intervals count less. */
  readonly stableLatency: Strata<Histogram>;
  /** By the trigger's name. */
  readonly gross: Readonly<Record<string, GrossFailureState | null>>;
  /** By the rule's name. */
  readonly harms: Readonly<Record<string, HarmState | null>>;
}

interface CompareContext {
  readonly plan: Plan;
  readonly candidateQuality: ReleaseQuality | null;
  readonly stableQuality: ReleaseQuality | null;
}

/** What an older interval still counts in `stableLatency` after one more: about ten of them in all. */
const LATENCY_KEPT = 0.9;

/** One poll: what is carried after it, and an alarm that is new. Judges once a interval is complete. */
export function compareLanes(
  before: Compared | null,
  snapshot: Snapshot,
  context: CompareContext,
  nowMs: number,
): { readonly state: Compared; readonly alarm: HarmAlarm | null } {
  const state = follow(before, snapshot, nowMs);
  const { compareEveryMs, pollMs } = context.plan.guard;
  // A poll that comes a little early ends the interval all the same.
  if (snapshot.takenAtMs - state.opening.takenAtMs < compareEveryMs - pollMs / 2)
    return { state, alarm: null };
  const minutes = minutesBetween(state, snapshot, context.plan);
  const opened = { ...state, opening: snapshot };
  return minutes === null ? { state: opened, alarm: null } : judgeInterval(opened, minutes, context);
}

/** The state with the percent that is in force, and a fresh opening where the counters were reset. */
function follow(before: Compared | null, snapshot: Snapshot, nowMs: number): Compared {
  const { percent, processStartMs } = snapshot;
  if (before === null)
    return { opening: snapshot, percent, percentSinceMs: nowMs, stableLatency: {}, gross: {}, harms: {} };
  return {
    ...before,
    opening: before.opening.processStartMs === processStartMs ? before.opening : snapshot,
    percent,
    percentSinceMs: before.percent === percent ? before.percentSinceMs : nowMs,
  };
}

function minutesBetween(state: Compared, to: Snapshot, plan: Plan): PairedCounts | null {
  const { candidate, stable } = to.lanes;
  const from = state.opening.lanes;
  if (candidate === null || stable === null || from.candidate === null || from.stable === null) return null;
  if (from.candidate.release !== candidate.release || from.stable.release !== stable.release) return null;
  const warmUpMs = plan.stages.find(({ percent }) => percent === state.percent)?.warmUpMs ?? 0;
  return {
    candidate: laneDelta(from.candidate, candidate),
    stable: laneDelta(from.stable, stable),
    inWarmUp: state.opening.takenAtMs < state.percentSinceMs + warmUpMs,
  };
}

function judgeInterval(
  before: Compared,
  minutes: PairedCounts,
  context: CompareContext,
): { readonly state: Compared; readonly alarm: HarmAlarm | null } {
  const { triggers, harms } = context.plan.guard;
  const stableLatency = remembered(before.stableLatency, latenciesOf(minutes.stable));
  const gross = triggers.map((trigger) => ({
    name: trigger.name,
    ...grossFailureStep(before.gross[trigger.name] ?? null, trigger, minutes),
  }));
  const slow = harms.flatMap((rule) =>
    harmKinds(rule).map((kind) => {
      const name = harmName(rule, kind);
      return { name, ...accumulate(before.harms[name] ?? null, rule, kind, minutes, stableLatency, context) };
    }),
  );
  const alarms = [...gross, ...slow].flatMap(({ alarm }) => (alarm === null ? [] : [alarm]));
  return {
    state: {
      ...before,
      stableLatency,
      gross: Object.fromEntries(gross.map(({ name, state }) => [name, state])),
      harms: Object.fromEntries(slow.map(({ name, state }) => [name, state])),
    },
    alarm: alarms.find(({ onAlarm }) => onAlarm === 'rollback') ?? alarms[0] ?? null,
  };
}

function accumulate(
  before: HarmState | null,
  rule: HarmRule,
  kind: string | null,
  minutes: PairedCounts,
  stableLatency: Strata<Histogram>,
  { plan, candidateQuality, stableQuality }: CompareContext,
): { readonly state: HarmState | null; readonly alarm: HarmAlarm | null } {
  const { over } = rule;
  const slowOverMs = (name: string) =>
    over === null ? null : slowerThanStableMs(plan, stableLatency[name] ?? null, over);
  const seen = countFailures(rule.metric, minutes, slowOverMs, kind);
  const expectedDifference = expectedDifferenceOf(rule.metric, minutes, candidateQuality, stableQuality);
  return seen === null || expectedDifference === null
    ? { state: before, alarm: null }
    : harmStep(before, rule, seen, expectedDifference, kind);
}

/** Where stable has no users any more, and of what did not come, what was last stays as it is. */
function remembered(before: Strata<Histogram>, now: Strata<Histogram>): Strata<Histogram> {
  const came = Object.entries(now).filter(([, latencies]) => total(latencies) > 0);
  const after = came.map(([name, latencies]) => [
    name,
    plus(latencies, scaled(before[name] ?? EMPTY, LATENCY_KEPT)),
  ]);
  return { ...before, ...Object.fromEntries(after) };
}
