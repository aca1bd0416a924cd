import { rollbackCommand } from '../notification/commands.ts';
import { formatBlastRadius, addImpact } from './status/impact.ts';
import type { Intervention } from '../control/state.ts';
import type { Plan } from '../plan/plan.ts';
import { PHASES } from './phases.ts';
import type { Effect, Held, Outcome, RolloutState, Step } from './state.ts';
import { NO_RETRIES_YET, log, nextRaiseMs, stageOf } from './state.ts';
import type { SnapshotResult } from '../metrics/snapshot.ts';

/** A fresh window of the stage, opened now; after an evaluation, where the stage ends with one. */
export function measureAfresh(plan: Plan, state: RolloutState): RolloutState {
  const again = { ...state, opening: null, closing: null, recheck: false, ...NO_RETRIES_YET, move: null };
  return stageOf(plan, state).evaluate === 'end'
    ? { ...again, phase: 'evaluateEnd', evaluation: null }
    : { ...again, phase: 'openWindow' };
}

/** After a passed or accepted verdict: wait for the last window before the next raise, raise, or promote. */
export function proceed(plan: Plan, state: RolloutState, nowMs: number, atOnce = false): RolloutState {
  const nextMs = nextRaiseMs(plan, state);
  if (nextMs === null) return { ...state, phase: 'promote' };
  if (atOnce || nowMs >= nextMs)
    return {
      ...state,
      phase: 'raise',
      stage: state.stage + 1,
      evaluation: null,
      recheck: false,
      ...NO_RETRIES_YET,
    };
  // Accepted by a person, or judged on the last window already: only time is missing.
  if (state.recheck) return { ...state, phase: 'soak', waitUntilMs: nextMs };
  const opensMs = Math.max(nowMs, nextMs - stageOf(plan, state).windowMs);
  return { ...state, phase: 'soak', waitUntilMs: opensMs };
}

/**
 * No raise until a person says so. Measuring goes on where the candidate has its share. `escalate`: nothing is left
 * that the rollout could try by itself.
 */
export function holdFor(
  plan: Plan,
  state: RolloutState,
  held: Held,
  nowMs: number,
  { escalate = false } = {},
): Step {
  // Held on the way to the next stage: users are in the one before, and that is what a person decides about.
  const onTheWay = state.phase === 'raise' && state.reached >= 0 && state.stage > state.reached;
  const where = onTheWay ? { ...state, stage: state.reached } : state;
  const waiting = onTheWay || PHASES[state.phase].onHold === 'measures' ? measureAfresh(plan, where) : state;
  // A hand may have changed flags or release: an evaluation from before says nothing of what runs now.
  const evaluation = held.why === 'intervention' ? null : waiting.evaluation;
  const asked = { held, heldSinceMs: nowMs, askedMs: nowMs };
  const next = log(plan, { ...waiting, evaluation, ...asked }, { kind: 'held', text: held.reason }, nowMs);
  const calm = held.why === 'operator' ? 'info' : held.why === 'verdict' ? 'warning' : 'critical';
  const severity = escalate ? 'critical' : calm;
  return {
    state: next,
    effects: [
      {
        kind: 'page',
        severity,
        title: `rollout of ${state.candidate} is held at ${next.percent} %`,
        text: held.reason,
      },
    ],
  };
}

/** Somebody else has changed the traffic, or the lease has ended: that stands, and a person is asked. */
export function holdAfterIntervention(
  plan: Plan,
  state: RolloutState,
  seen: {
    readonly intervention: Intervention | null;
    readonly interventions: number;
    readonly percent: number;
  },
  nowMs: number,
): Step {
  const { intervention: last, interventions, percent } = seen;
  const lost = last?.kind === 'leaseLost';
  const reason = lost
    ? `held at ${percent} %, lease lost`
    : `${last?.by ?? 'somebody'} changed traffic by hand: ${last?.what ?? 'how is not known'}`;
  const knowing = { ...state, percent, interventionsSeen: interventions };
  return holdFor(plan, knowing, { why: lost ? 'leaseLost' : 'intervention', reason }, nowMs);
}

/** Back to the old release; before T0 there is nothing to go back from, and the run ends as aborted. */
export function startRollback(
  plan: Plan,
  state: RolloutState,
  reason: string,
  nowMs: number,
  outcome: 'rolledBack' | 'cancelled' = 'rolledBack',
): Step {
  if (PHASES[state.phase].isFinal) return { state, effects: [] };
  const outcomeAfterRollback = state.t0Ms === null && outcome === 'rolledBack' ? 'aborted' : outcome;
  const next: RolloutState = {
    ...state,
    phase: 'rollback',
    held: null,
    pausedSinceMs: null,
    rollbackReason: reason,
    outcomeAfterRollback,
    triggeredMs: nowMs,
  };
  const effects: Effect[] =
    state.t0Ms === null
      ? []
      : [
          {
            kind: 'page',
            severity: 'critical',
            title: `rolling back ${state.candidate} at ${state.percent} %`,
            text: `${reason}. By hand: ${rollbackCommand(state.report?.stable ?? null)}`,
          },
        ];
  return { state: log(plan, next, { kind: 'step', text: `rollback: ${reason}` }, nowMs), effects };
}

/** Each reading of the counters widens the blast radius, whatever else it is for. */
export function recordImpact(
  plan: Plan,
  state: RolloutState,
  result: SnapshotResult | undefined,
): RolloutState {
  if (result === undefined) return state;
  const quality = state.report?.candidateQuality ?? null;
  return { ...state, blast: addImpact(state.blast, result, state.candidate, plan, quality) };
}

/** The end. */
export function finish(
  plan: Plan,
  state: RolloutState,
  outcome: Outcome,
  reason: string,
  nowMs: number,
): Step {
  const next: RolloutState = {
    ...state,
    phase: 'done',
    outcome,
    outcomeReason: reason,
    held: null,
    pausedSinceMs: null,
  };
  return {
    state: log(plan, next, { kind: 'outcome', text: `${outcome}: ${reason}` }, nowMs),
    effects: [
      {
        kind: 'page',
        severity:
          outcome === 'shipped' ? 'info' : next.verification?.verified === false ? 'critical' : 'warning',
        title: `rollout of ${state.candidate}: ${outcome}`,
        text: state.t0Ms === null ? reason : `${reason}. ${formatBlastRadius(state.blast.radius)}`,
      },
    ],
  };
}
