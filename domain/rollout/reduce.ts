import { decisionsOf } from './decision-record.ts';
import type { Plan } from '../plan/plan.ts';
import { onMessage } from './operator-commands.ts';
import { onChanged, onFailed, onGuard, onLate, onRolledBack, onSettled } from './answers.ts';
import { recordImpact, finish, startRollback } from './transitions.ts';
import { remind } from './reminders.ts';
import { onCompared } from './compare.ts';
import { onLooked, onTuned } from './remediation.ts';
import { onClosing, onEvaluated, onOpening } from './judging.ts';
import type { RolloutState, Step } from './state.ts';
import { NO_RETRIES_YET, log, nextRaiseMs, stageOf } from './state.ts';
import type { SnapshotResult } from '../metrics/snapshot.ts';
import type { PreflightReport } from '../preflight/report.ts';
import type { RolloutEvent } from './events.ts';
import { counts } from './phases.ts';

/**
 * The state after an event, and a record of each decision that it led to. Never throws for what comes from outside:
 * each case ends in a state with a reason.
 */
export function reduce(plan: Plan, before: RolloutState, event: RolloutEvent, nowMs: number): Step {
  const { state, effects } = respond(plan, before, event, nowMs);
  const decisions = decisionsOf(plan, before, event, state, nowMs);
  return {
    state,
    effects: [...effects, ...decisions.map((decision) => ({ kind: 'record', decision }) as const)],
  };
}

function respond(plan: Plan, state: RolloutState, event: RolloutEvent, nowMs: number): Step {
  if (!counts(state.phase, event)) return moved(state);
  switch (event.kind) {
    case 'message':
      return onMessage(plan, state, event.message, nowMs);
    case 'guard':
      return onGuard(plan, state, event.event, nowMs);
    case 'cancelled':
      return startRollback(plan, state, 'the workflow was cancelled', nowMs, 'cancelled');
    case 'rolledBack':
      return onRolledBack(
        plan,
        recordImpact(plan, state, event.last),
        event.verification,
        event.safeAfterMs,
        nowMs,
      );
    case 'superseded':
      return finish(plan, state, 'supersededByRollback', event.reason, nowMs);
    case 'late':
      return onLate(plan, state, event, nowMs);
    case 'remind':
      return remind(state, nowMs);
    case 'failed':
      return onFailed(plan, state, event.reason, nowMs);
    case 'preflight':
      return onPreflight(plan, state, event.report, nowMs);
    case 'fenced':
      return moved({
        ...state,
        epoch: event.epoch,
        interventions: event.interventions,
        interventionsSeen: event.interventions,
        phase: 'load',
      });
    case 'loaded':
      return event.ready
        ? moved(log(plan, { ...state, phase: 'baselineOpen' }, { kind: 'step', text: event.reason }, nowMs))
        : finish(plan, state, 'refused', event.reason, nowMs);
    case 'snapshot':
      return onSnapshot(plan, recordImpact(plan, state, event.result), event.result, nowMs);
    case 'evaluated':
      return onEvaluated(plan, state, event.result, nowMs);
    case 'changed':
      return onChanged(plan, state, event.result, nowMs);
    case 'looked':
      return onLooked(plan, state, event.view, nowMs);
    case 'compared':
      return onCompared(plan, state, event.view, nowMs) ?? moved(state);
    case 'settled':
      return onSettled(plan, state, event.result, nowMs);
    case 'tuned':
      return onTuned(plan, state, event.result, nowMs);
    case 'time':
      return moved(onTime(plan, state));
    default:
      return event satisfies never;
  }
}

function moved(state: RolloutState): Step {
  return { state, effects: [] };
}

function onPreflight(plan: Plan, before: RolloutState, report: PreflightReport, nowMs: number): Step {
  const notes = report.checks.filter(({ verdict }) => verdict === 'note');
  const bad = report.checks.filter(({ verdict }) => verdict !== 'pass' && verdict !== 'note');
  const state = { ...before, report };
  if (bad.length > 0)
    return finish(
      plan,
      state,
      'refused',
      `pre-flight: ${bad.map(({ name, reason }) => `${name}: ${reason}`).join('; ')}`,
      nowMs,
    );
  const text = `pre-flight: all ${report.checks.length - notes.length} checks pass`;
  const passed = log(plan, { ...state, phase: 'fence' }, { kind: 'step', verdict: 'pass', text }, nowMs);
  return moved(
    notes.reduce(
      (noted, { name, reason }) =>
        log(plan, noted, { kind: 'step', text: `pre-flight: ${name}: ${reason}` }, nowMs),
      passed,
    ),
  );
}

function onSnapshot(plan: Plan, state: RolloutState, result: SnapshotResult, nowMs: number): Step {
  if (state.phase === 'baselineOpen')
    return moved({ ...state, opening: result, phase: 'baselineWait', waitUntilMs: nowMs + plan.baselineMs });
  if (state.phase === 'baselineClose') {
    const opening = state.opening ?? result;
    const users = (of: SnapshotResult) =>
      of.kind === 'snapshot' ? (of.snapshot.lanes.stable?.requests ?? 0) : 0;
    const baselineMissing = users(result) === users(opening);
    const text = baselineMissing
      ? 'stable has no traffic before T0: its baseline is missing'
      : "stable's baseline is written";
    return {
      state: log(
        plan,
        { ...state, phase: 'raise', opening: null, baselineMissing },
        { kind: 'step', text },
        nowMs,
      ),
      effects: [{ kind: 'recordBaseline', opening, closing: result }],
    };
  }
  return state.phase === 'openWindow'
    ? moved(onOpening(plan, state, result, nowMs))
    : onClosing(plan, state, result, nowMs);
}

function onTime(plan: Plan, state: RolloutState): RolloutState {
  switch (state.phase) {
    case 'baselineWait':
      return { ...state, phase: 'baselineClose' };
    case 'warmUp':
      return { ...state, phase: stageOf(plan, state).evaluate === 'end' ? 'evaluateEnd' : 'openWindow' };
    case 'measuring':
      return { ...state, phase: 'closeWindow' };
    case 'soak': {
      // Accepted by a person: the raise is due. Else the last window before it opens.
      const nextMs = nextRaiseMs(plan, state);
      if (state.recheck || nextMs === null)
        return {
          ...state,
          phase: 'raise',
          stage: state.stage + 1,
          recheck: false,
          evaluation: null,
          ...NO_RETRIES_YET,
        };
      return { ...state, phase: 'openWindow', opening: null, recheck: true, ...NO_RETRIES_YET };
    }
    default:
      return state;
  }
}
