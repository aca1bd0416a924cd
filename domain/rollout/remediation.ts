import type { ControlView, Flags } from '../control/state.ts';
import { nextRemediation, formatDifference } from '../plan/remediation-steps.ts';
import type { NprobeTuningResult } from '../tuning/input.ts';
import type { RemediationStep, Plan } from '../plan/plan.ts';
import { onCompared } from './compare.ts';
import { PHASES } from './phases.ts';
import { holdFor } from './transitions.ts';
import type { Remediation, RolloutState, Step } from './state.ts';
import { NO_RETRIES_YET, log, stageOf } from './state.ts';
import { retryMeasurement } from './confirmation-window.ts';
import { harmKinds, harmName } from '../guard/harm-detector.ts';
import type { GateResult } from '../gate/gate-result.ts';

/** A gate warned, or its fail asks for the ladder: the next step, as long as the stage may take one; else a person decides. */
export function tryRemediation(plan: Plan, state: RolloutState, judgement: GateResult, nowMs: number): Step {
  const why = `${judgement.verdict}: ${judgement.reason}`;
  const taken = takenIn(plan, state);
  if (judgement.remediation.length === 0)
    return atTheEnd(plan, { ...state, judgement }, why, nowMs, { escalate: judgement.verdict === 'fail' });
  if (taken.length >= plan.maxRemediations)
    return atTheEnd(plan, state, `${why}; ${taken.join(' and ')} did not mend it`, nowMs);
  // What is in force now is the gateway's to say: a hand may have changed it.
  return { state: { ...state, phase: 'readFlags' }, effects: [] };
}

/** The guard has proven harm that is no emergency: what the stage's rows of that metric would try, before a person is asked. */
export function onHarm(
  plan: Plan,
  state: RolloutState,
  { trigger, reason }: { readonly trigger: string; readonly reason: string },
  nowMs: number,
): Step {
  // A second reason to hold changes nothing, and what is being tried is not known to have failed.
  const { remediation: may } = PHASES[state.phase];
  if (state.held !== null || may === 'underWay') return { state, effects: [] };
  const metric = plan.guard.harms.find((rule) =>
    harmKinds(rule).some((kind) => harmName(rule, kind) === trigger),
  )?.metric;
  const rows = may === 'possible' ? stageOf(plan, state).rows : [];
  const remediation = rows.filter((row) => row.metric === metric).flatMap((row) => row.remediation);
  const judgement: GateResult = { verdict: 'warn', reason, rows: [], atMs: nowMs, onFail: null, remediation };
  return tryRemediation(plan, { ...state, judgement }, judgement, nowMs);
}

/** The flags in force are known: the step that changes them, or a hold where none would. */
export function onLooked(plan: Plan, state: RolloutState, view: ControlView, nowMs: number): Step {
  // What a person has not taken note of yet counts as well.
  const other = onCompared(plan, { ...state, interventionsSeen: state.interventions }, view, nowMs);
  if (other !== null) return other;
  const { judgement } = state;
  const control = view.state;
  const from = view.lanes.candidate?.flags ?? control.lanes.candidate?.flags ?? null;
  const why = judgement === null ? 'no verdict' : `${judgement.verdict}: ${judgement.reason}`;
  if (from === null)
    return holdFor(
      plan,
      state,
      { why: 'refused', reason: `${why}; the flags of ${state.candidate} are not known` },
      nowMs,
    );
  const rung = nextRemediation(judgement?.remediation ?? [], takenIn(plan, state), from);
  if (rung.kind === 'none')
    return atTheEnd(
      plan,
      state,
      `${why}; no step of the ladder is left${rung.reason === '' ? '' : ` (${rung.reason})`}`,
      nowMs,
    );
  const { step, flags: to } = rung;
  const move: Remediation = {
    stage: stageOf(plan, state).name,
    step,
    from,
    to,
    because: judgement?.reason ?? '',
    atMs: nowMs,
  };
  const change = step === 'sweep' ? '' : ` (${formatDifference(to, from)} to ${formatDifference(from, to)})`;
  const text = `ladder: ${step}${change}, because ${why}`;
  return {
    state: log(plan, { ...state, phase: 'applyRemediation', move }, { kind: 'step', text }, nowMs),
    effects: [
      {
        kind: 'page',
        severity: 'warning',
        title: `${step} for ${state.candidate} at ${state.percent} %`,
        text,
      },
    ],
  };
}

/** The step is in force: the caches warm up again, and a fresh window, or evaluation, says whether it helped. */
export function onStepTaken(plan: Plan, state: RolloutState, nowMs: number): Step {
  const { move } = state;
  const stage = stageOf(plan, state);
  const next: RolloutState = {
    ...state,
    phase: stage.evaluate === 'start' ? 'evaluateStart' : 'warmUp',
    waitUntilMs: nowMs + stage.warmUpMs,
    moves: move === null ? state.moves : [...state.moves, move],
    move: null,
    opening: null,
    closing: null,
    // Made with other flags: it says nothing of these.
    evaluation: null,
    judgement: null,
    recheck: false,
    ...NO_RETRIES_YET,
  };
  const text = `${state.candidate} runs with ${move === null ? 'other flags' : formatDifference(move.from, move.to)}; the gate is measured again`;
  return { state: log(plan, next, { kind: 'step', text }, nowMs), effects: [] };
}

/** The sweep has ended: with another nprobe the gate is measured again, else the next step is tried. */
export function onTuned(plan: Plan, state: RolloutState, result: NprobeTuningResult, nowMs: number): Step {
  const { move, judgement } = state;
  const said = log(plan, state, { kind: 'step', text: `sweep: ${result.outcome}: ${result.reason}` }, nowMs);
  if (move === null || judgement === null) return { state: { ...said, phase: 'readFlags' }, effects: [] };
  if (result.outcome === 'applied' && result.nprobe !== null) {
    const to = { ...move.to, nprobe: result.nprobe };
    return onStepTaken(plan, { ...said, move: { ...move, to } }, nowMs);
  }
  return tryRemediation(plan, { ...said, moves: [...said.moves, move], move: null }, judgement, nowMs);
}

/** Whether the flags are what a step makes of them. */
export function isInForce(move: Remediation | null, flags: Flags | null): boolean {
  return move !== null && flags !== null && formatDifference(move.to, flags) === '';
}

/** What the ladder made of the release, for the outcome: ` with nprobe 4`; empty where it runs as it was built. */
export function servedWith({ moves }: RolloutState): string {
  const [first, last] = [moves[0], moves.at(-1)];
  const difference = first === undefined || last === undefined ? '' : formatDifference(first.from, last.to);
  return difference === '' ? '' : ` with ${difference}`;
}

function takenIn(plan: Plan, { moves, stage }: RolloutState): RemediationStep[] {
  return moves.filter((move) => move.stage === plan.stages[stage]?.name).map(({ step }) => step);
}

/** Nothing is left to try: a person decides, after a fresh window where that may be all it takes. */
function atTheEnd(
  plan: Plan,
  state: RolloutState,
  reason: string,
  nowMs: number,
  { escalate } = { escalate: true },
): Step {
  const again = retryMeasurement(plan, state);
  if (again === null) return holdFor(plan, state, { why: 'verdict', reason }, nowMs, { escalate });
  const text = `${reason}; measured once more, it may have been a busy moment`;
  return { state: log(plan, again, { kind: 'step', text }, nowMs), effects: [] };
}
