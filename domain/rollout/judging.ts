import { evaluateGate } from '../gate/evaluate-gate.ts';
import { EVALUATION_HOLDS_MS } from '../plan/plan-consistency.ts';
import type { Plan } from '../plan/plan.ts';
import { formatEvaluation } from '../metrics/entries/evaluation-drop.ts';
import { wasRestarted } from '../metrics/lane-self-metrics.ts';
import { tryRemediation } from './remediation.ts';
import { holdFor, proceed, startRollback } from './transitions.ts';
import type { Effect, RolloutState, Step } from './state.ts';
import { decideMs, log, nextRaiseMs, stageOf } from './state.ts';
import { withConfirmation } from './confirmation-window.ts';
import { pairedDifference, zFor } from '../statistics/proportion.ts';
import type { SnapshotResult } from '../metrics/snapshot.ts';
import { windowBetween } from '../metrics/window.ts';
import type { EvaluationResult } from '../core/evaluation-result.ts';
import { inconclusiveResult } from '../gate/gate-result.ts';
import type { GateResult } from '../gate/gate-result.ts';

/** The window is open: how long it is measured for. */
export function onOpening(
  plan: Plan,
  state: RolloutState,
  opening: SnapshotResult,
  nowMs: number,
): RolloutState {
  const { windowMs, warmUpMs, atMs, decideAtMs } = stageOf(plan, state);
  const dueMs = state.recheck ? (nextRaiseMs(plan, state) ?? nowMs) : decideMs(plan, state);
  // Delays push the decision: its window is as long as planned, but for one that still ends with the next raise.
  const plannedMs = Math.min(windowMs, decideAtMs - atMs - warmUpMs);
  const waitUntilMs = state.recheck && dueMs > nowMs ? dueMs : Math.max(dueMs, nowMs + plannedMs);
  return { ...state, phase: 'measuring', opening, waitUntilMs };
}

/** The window is closed: judge it, after the evaluation where the stage wants one that is not there. */
export function onClosing(plan: Plan, before: RolloutState, closing: SnapshotResult, nowMs: number): Step {
  const filled = fillBaseline(before, closing);
  const state = { ...filled.state, closing };
  const { evaluation } = state;
  const known = evaluation?.kind === 'evaluated' && nowMs - evaluation.atMs <= EVALUATION_HOLDS_MS;
  const wanted = stageOf(plan, state).evaluate !== null && !known;
  if (wanted && state.held === null)
    return { state: { ...state, phase: 'evaluateEnd' }, effects: filled.effects };
  const step = decideOn(plan, state, nowMs);
  return { state: step.state, effects: [...filled.effects, ...step.effects] };
}

/** Stable had no users before T0: its first window with users is its baseline. */
function fillBaseline(state: RolloutState, closing: SnapshotResult): Step {
  const { opening } = state;
  if (!state.baselineMissing || opening === null) return { state, effects: [] };
  const result = windowBetween(opening, closing);
  if (result.kind !== 'window' || (result.window.stable?.errors.n ?? 0) === 0) return { state, effects: [] };
  const effects: Effect[] = [{ kind: 'recordBaseline', opening, closing }];
  return { state: { ...state, baselineMissing: false }, effects };
}

/** An evaluation is there: a drop beyond the emergency limit rolls back at once; the rest is the gate's. */
export function onEvaluated(plan: Plan, before: RolloutState, result: EvaluationResult, nowMs: number): Step {
  const text =
    result.kind === 'missing' ? `evaluation: ${result.reason}` : `evaluation: ${formatEvaluation(result)}`;
  const state = log(plan, { ...before, evaluation: result }, { kind: 'step', text }, nowMs);
  if (result.kind === 'evaluated' && result.queries > 0) {
    const { lostAt5, gainedAt5, queries } = result;
    const { low } = pairedDifference(lostAt5, gainedAt5, queries, zFor(plan.confidence, 1));
    if (low > plan.guard.rAt5DropOver) {
      const points = (plan.guard.rAt5DropOver * 100).toFixed(0);
      return startRollback(plan, state, `${text}: a drop of over ${points} points is an emergency`, nowMs);
    }
  }
  if (state.phase === 'evaluateStart') return { state: { ...state, phase: 'warmUp' }, effects: [] };
  // An evaluation loads the lane: it ends before the window opens whose latencies are judged.
  if (state.closing === null) return { state: { ...state, phase: 'openWindow' }, effects: [] };
  return decideOn(plan, state, nowMs);
}

/** Judges the window that is closed, and goes on, extends, holds or rolls back. */
function decideOn(plan: Plan, before: RolloutState, nowMs: number): Step {
  const { judgement, state } = withConfirmation(plan, judgeWindow(plan, before, nowMs), nowMs);
  const { verdict } = judgement;
  const judged = log(
    plan,
    { ...state, judgement },
    { kind: 'verdict', verdict, text: verdictText(plan, state, judgement) },
    nowMs,
  );
  const informed = reportDryRunChecks(plan, judged, judgement, nowMs);
  const step = goOn(plan, informed.state, judgement, nowMs);
  return { state: step.state, effects: [...informed.effects, ...step.effects] };
}

/** What follows from a verdict. */
function goOn(plan: Plan, judged: RolloutState, judgement: GateResult, nowMs: number): Step {
  const { verdict, reason } = judgement;
  if (verdict === 'fail' && judgement.onFail === 'rollback')
    return startRollback(plan, judged, reason, nowMs);
  if (judged.held !== null) return { state: measureOn(judged, nowMs + plan.holdEveryMs), effects: [] };
  switch (verdict) {
    case 'pass':
      return { state: proceed(plan, judged, nowMs), effects: [] };
    case 'inconclusive':
      return extendOrHold(plan, judged, reason, nowMs);
    case 'warn':
    case 'fail':
      return tryRemediation(plan, measureOn(judged, nowMs + plan.holdEveryMs), judgement, nowMs);
    default:
      return verdict satisfies never;
  }
}

function verdictText(plan: Plan, state: RolloutState, { verdict, reason }: GateResult): string {
  const stage = stageOf(plan, state);
  const which = state.recheck ? 'last window before the raise' : stage.runbookDecideAt;
  return `${stage.name}, ${which}: ${verdict}: ${reason}`;
}

function judgeWindow(
  plan: Plan,
  state: RolloutState,
  nowMs: number,
): { judgement: GateResult; state: RolloutState } {
  const { opening, closing } = state;
  if (opening === null || closing === null)
    return {
      judgement: inconclusiveResult('the window has no ends', nowMs),
      state: { ...state, evidence: null },
    };
  const result = windowBetween(opening, closing);
  if (result.kind !== 'window') {
    // The counters of a window that was reset, or never had a beginning, say nothing: a fresh one is opened.
    const blank = { ...state, evidence: null };
    const again = result.kind === 'reset' || opening.kind === 'missing' ? { ...blank, opening: null } : blank;
    return { judgement: inconclusiveResult(result.reason, nowMs), state: again };
  }
  const { window } = result;
  const evidence = {
    window,
    reference: state.reference,
    candidateQuality: state.report?.candidateQuality ?? null,
    stableQuality: state.report?.stableQuality ?? null,
    evaluation: state.evaluation,
    looks: plan.extendAtMost + 1,
  };
  const judgement = evaluateGate(plan, stageOf(plan, state).rows, evidence, nowMs);
  const live = window.percent < 100 && window.stable !== null && window.stable.errors.n > 0;
  return { judgement, state: { ...state, evidence, reference: live ? window.stable : state.reference } };
}

function extendOrHold(plan: Plan, state: RolloutState, reason: string, nowMs: number): Step {
  if (state.extensions >= plan.extendAtMost) {
    const held = {
      why: 'verdict',
      reason: `inconclusive after ${state.extensions} extensions: ${reason}`,
    } as const;
    return holdFor(plan, measureOn(state, nowMs + plan.holdEveryMs), held, nowMs);
  }
  // The candidate's lane was restarted: only a window from after that has it.
  const own = state.evidence?.window.candidate?.own;
  const opening = own !== undefined && wasRestarted(own) ? null : state.opening;
  const extended = { ...state, opening, extensions: state.extensions + 1 };
  return { state: measureOn(extended, nowMs + plan.extendByMs), effects: [] };
}

/** Goes on with the same window; where it has no beginning any more, with a fresh one. */
function measureOn(state: RolloutState, untilMs: number): RolloutState {
  if (state.opening === null) return { ...state, phase: 'openWindow' };
  // While held, each window stands alone: what was bad an hour ago does not count for ever.
  const opening = state.held === null ? state.opening : state.closing;
  return { ...state, phase: 'measuring', opening, waitUntilMs: untilMs };
}

/** Tells of rows that inform and are beyond their limit: once for each metric of a stage. They decide nothing. */
function reportDryRunChecks(plan: Plan, before: RolloutState, { rows }: GateResult, nowMs: number): Step {
  const stage = stageOf(plan, before).name;
  const news = rows
    .filter(({ row, verdict }) => row.dryRun && (verdict === 'warn' || verdict === 'fail'))
    .map(({ row, reason }) => ({ key: `${stage}/${row.metric}`, reason }))
    .filter(
      ({ key }, i, all) => !before.notified.includes(key) && all.findIndex((one) => one.key === key) === i,
    );
  const state = news.reduce<RolloutState>(
    (notified, { reason }) => log(plan, notified, { kind: 'step', text: `informs: ${reason}` }, nowMs),
    { ...before, notified: [...before.notified, ...news.map(({ key }) => key)] },
  );
  return {
    state,
    effects: news.map(({ reason }) => ({
      kind: 'page',
      severity: 'info',
      title: `${before.candidate} at ${before.percent} %, for information`,
      text: reason,
    })),
  };
}
