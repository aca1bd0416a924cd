import type { Plan } from '../plan/plan.ts';
import { isInForce, onHarm, onStepTaken, servedWith } from './remediation.ts';
import { rollbackCommand } from '../notification/commands.ts';
import { PHASES } from './phases.ts';
import { finish, holdAfterIntervention, holdFor, startRollback } from './transitions.ts';
import type { Effect, Held, RolloutState, Step } from './state.ts';
import { NO_RETRIES_YET, decideMs, log, stageOf } from './state.ts';
import type { RollbackVerification } from '../core/rollback-verification.ts';
import type { ChangeResult } from '../control/change-result.ts';
import type { GuardEvent } from '../guard/state.ts';

/** The answer to a raise, a promotion, or a share taken to 0. */
export function onChanged(plan: Plan, state: RolloutState, result: ChangeResult, nowMs: number): Step {
  if (result.kind === 'refused') return onRefused(plan, state, result, nowMs);
  const { percent, lanes } = result.view.state;
  if (state.phase === 'promote' && lanes.stable.release !== state.candidate)
    return holdFor(plan, { ...state, percent }, notPromoted(state, result), nowMs);
  if (state.phase === 'promote')
    return finish(
      plan,
      { ...state, percent: 100 },
      'shipped',
      `${state.candidate} is stable${servedWith(state)}; ${state.report?.stable} stays warm`,
      nowMs,
    );
  if (state.phase === 'applyRemediation') return onStepTaken(plan, state, nowMs);
  if (state.phase === 'withdrawTraffic') return { state: { ...state, percent, phase: 'raise' }, effects: [] };
  const stage = stageOf(plan, state);
  const started: RolloutState = {
    ...state,
    percent,
    reached: Math.max(state.reached, state.stage),
    t0Ms: state.t0Ms ?? nowMs,
    stageStartMs: nowMs,
    judgement: null,
    recheck: false,
    ...NO_RETRIES_YET,
    opening: null,
    closing: null,
    phase: stage.evaluate === 'start' ? 'evaluateStart' : 'warmUp',
  };
  const warmMs = Math.max(nowMs + stage.warmUpMs, decideMs(plan, started) - stage.windowMs);
  const text = `${stage.runbookAt}: ${percent} % of users on ${state.candidate}`;
  return {
    state: log(plan, { ...started, waitUntilMs: warmMs }, { kind: 'step', text }, nowMs),
    effects: [],
  };
}

/** Asked for twice, carried out once, and undone in between: by the kill switch, in the middle of it. */
function notPromoted({ candidate }: RolloutState, { view }: ChangeResult): Held {
  const { lastIntervention, lanes } = view.state;
  const reason = `${candidate} was not made stable, ${lanes.stable.release} is: ${lastIntervention?.what ?? 'the promotion is gone'}`;
  return { why: 'intervention', reason };
}

/** What became of a raise, a step of the ladder or a promotion that was left for something more urgent; it stays as it is, held or not. */
export function onSettled(plan: Plan, state: RolloutState, result: ChangeResult, nowMs: number): Step {
  if (result.kind === 'refused')
    return result.refusal.kind === 'staleEpoch'
      ? finish(plan, state, 'supersededByRollback', result.refusal.reason, nowMs)
      : { state, effects: [] };
  const { percent, lanes } = result.view.state;
  const as = (phase: RolloutState['phase'], stage = state.stage) =>
    onChanged(plan, { ...state, phase, stage }, result, nowMs);
  // A hold has gone back to measuring, and what it came upon was carried out all the same.
  if (lanes.stable.release === state.candidate) return as('promote');
  if (percent > state.percent && percent === plan.stages[state.reached + 1]?.percent)
    return as('raise', state.reached + 1);
  const raised = state.phase === 'raise' && percent === stageOf(plan, state).percent;
  const stepped = state.phase === 'applyRemediation' && isInForce(state.move, lanes.candidate?.flags ?? null);
  if (stepped || (raised && percent !== state.percent)) return as(state.phase);
  return { state: { ...state, percent }, effects: [] };
}

function onRefused(
  plan: Plan,
  state: RolloutState,
  { refusal, view }: ChangeResult & { kind: 'refused' },
  nowMs: number,
): Step {
  if (refusal.kind === 'staleEpoch')
    return finish(plan, state, 'supersededByRollback', refusal.reason, nowMs);
  const seen: RolloutState = {
    ...state,
    phase: state.phase === 'withdrawTraffic' ? 'raise' : state.phase,
    percent: view.state.percent,
    interventionsSeen: view.state.interventions,
  };
  const why =
    refusal.kind === 'intervened'
      ? refusal.intervention?.kind === 'leaseLost'
        ? 'leaseLost'
        : 'intervention'
      : 'refused';
  return holdFor(plan, seen, { why, reason: refusal.reason }, nowMs);
}

/** A person has to mend it and resume; a rollback is tried again by itself. */
export function onFailed(plan: Plan, state: RolloutState, reason: string, nowMs: number): Step {
  if (state.phase !== 'rollback') return holdFor(plan, state, { why: 'refused', reason }, nowMs);
  const title = `the rollback of ${state.candidate} does not get through`;
  return {
    state: log(plan, state, { kind: 'step', text: reason }, nowMs),
    effects: [
      {
        kind: 'page',
        severity: 'critical',
        title,
        text: `${reason}. By hand: ${rollbackCommand(state.report?.stable ?? null)}`,
      },
    ],
  };
}

/** A call goes on failing: who is asked hears what it waits for, once for each round of attempts. */
export function onLate(
  plan: Plan,
  state: RolloutState,
  { what, reason }: { readonly what: string; readonly reason: string },
  nowMs: number,
): Step {
  const { candidate, percent, report } = state;
  const text = `${what} does not get through: ${reason}`;
  return {
    state: log(plan, state, { kind: 'step', text }, nowMs),
    effects: [
      {
        kind: 'page',
        severity: 'critical',
        title: `rollout of ${candidate} is late at ${percent} %`,
        text: `${text}. It is tried again and again. Users back, by hand: ${rollbackCommand(report?.stable ?? null)}`,
      },
    ],
  };
}

/** What the guard saw: each event pages, holds, rolls back, or ends the run. */
export function onGuard(plan: Plan, before: RolloutState, event: GuardEvent, nowMs: number): Step {
  if (PHASES[before.phase].isFinal || isKnown(before, event)) return { state: before, effects: [] };
  // The counters, or the fence, have said so before.
  if (event.kind === 'intervened' && event.interventions <= before.interventionsSeen)
    return { state: before, effects: [] };
  const said = 'reason' in event ? event.reason : event.intervention.what;
  const state = log(plan, before, { kind: 'guard', text: said }, nowMs);
  switch (event.kind) {
    case 'breach':
      return startRollback(plan, state, event.reason, nowMs);
    case 'breaching':
      return { state, effects: [breachPage(state, event)] };
    case 'harm':
      return onHarm(plan, state, event, nowMs);
    case 'baselineAlsoFailing':
      return holdFor(
        plan,
        state,
        {
          why: 'baselineAlsoFailing',
          reason: `both lanes breach, a rollback would not help: ${event.reason}`,
        },
        nowMs,
      );
    case 'noTelemetry':
      return holdFor(plan, state, { why: 'noTelemetry', reason: event.reason }, nowMs);
    case 'noTelemetryTimeout': {
      const step = holdFor(plan, state, { why: 'noTelemetry', reason: event.reason }, nowMs);
      return state.percent > 0 && state.percent < 100
        ? { ...step, state: { ...step.state, phase: 'withdrawTraffic' } }
        : step;
    }
    case 'intervened':
      return holdAfterIntervention(plan, state, event, nowMs);
    case 'superseded':
      return finish(plan, state, 'supersededByRollback', event.reason, nowMs);
    default:
      return event satisfies never;
  }
}

/** A person has been asked, and it goes on as it was. */
function isKnown({ held, percent }: RolloutState, { kind }: GuardEvent): boolean {
  if (kind === 'noTelemetryTimeout') return held?.why === 'noTelemetry' && (percent === 0 || percent === 100);
  return held?.why === kind;
}

/** Before the guard may act by itself, a person can. */
function breachPage(
  { candidate, percent, report }: RolloutState,
  { reason, stableToo }: GuardEvent & { readonly kind: 'breaching' },
): Effect {
  const next = stableToo
    ? 'Stable breaches as well: going back to it would not help; look at machines, encoder and traffic'
    : `Where it lasts, users are taken back without you. Now, by hand: ${rollbackCommand(report?.stable ?? null)}`;
  return {
    kind: 'page',
    severity: 'critical',
    title: `${candidate} breaches at ${percent} %`,
    text: `${reason}. ${next}`,
  };
}

/** Users are back on the old release. */
export function onRolledBack(
  plan: Plan,
  state: RolloutState,
  verification: RollbackVerification | null,
  safeAfterMs: number,
  nowMs: number,
): Step {
  const checked =
    verification === null
      ? 'users never left the old release'
      : `users back after ${safeAfterMs} ms, ${
          verification.verified
            ? `verified: ${verification.matching} of ${verification.probes} probes answer as the old release${formatMetrics(verification)}`
            : `NOT verified: ${verification.reason}`
        }`;
  const reason = `${state.rollbackReason ?? 'rollback'} (${checked})`;
  const next = { ...state, percent: 0, verification, safeAfterMs };
  // Before T0, and users were there all the same: a raise whose answer never came, or a reset.
  const neverLeft = verification === null || state.outcomeAfterRollback !== 'aborted';
  return finish(plan, next, neverLeft ? state.outcomeAfterRollback : 'rolledBack', reason, nowMs);
}

function formatMetrics({ metrics }: RollbackVerification): string {
  return metrics ? `; ${metrics.reason}` : '';
}
