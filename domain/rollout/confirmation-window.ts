import type { Plan } from '../plan/plan.ts';
import type { RolloutState } from './state.ts';
import { NO_RETRIES_YET } from './state.ts';
import { inconclusiveResult } from '../gate/gate-result.ts';
import type { GateResult } from '../gate/gate-result.ts';
import { definitionOf } from '../metrics/registry.ts';

/**
 * The decision rule `sequentialTest` does not take a stage's first word on errors for its last: a window of counts cannot tell a spike of three
 * minutes from a release gone bad, a fresh one can. Meanwhile the guard watches minute by minute. Quality stands; a latency
 * takes its step of the ladder at once, see `retryMeasurement` for what comes when none is left.
 */
export function withConfirmation(
  plan: Plan,
  judged: { readonly judgement: GateResult; readonly state: RolloutState },
  nowMs: number,
): { readonly judgement: GateResult; readonly state: RolloutState } {
  const { judgement, state } = judged;
  const again = awaitConfirmation(plan, judgement, { ...state, held: state.held !== null }, nowMs);
  return again === judgement ? judged : { judgement: again, state: { ...state, opening: null } };
}

/** The judgement as it counts: `unknown` where it is a stage's first word on errors alone. */
export function awaitConfirmation(
  plan: Plan,
  judgement: GateResult,
  { held, extensions }: { readonly held: boolean; readonly extensions: number },
  nowMs: number,
): GateResult {
  const { verdict, rows, reason } = judgement;
  const bad = rows.filter(({ row, verdict: of }) => !row.dryRun && of === verdict);
  const onlyErrors =
    (verdict === 'warn' || verdict === 'fail') && bad.every(({ row }) => definitionOf(row.metric).confirmed);
  if (plan.decisionRule !== 'sequentialTest' || held || extensions > 0 || !onlyErrors) return judgement;
  const again = inconclusiveResult(`${verdict}: ${reason}; looked at again, it may have been a spike`, nowMs);
  return { ...again, rows };
}

/**
 * The stage with a fresh window, where latencies alone warn and no step of the ladder is left: a busy moment of the machine looks the
 * same, and nobody should be woken for it. The share stays as it is meanwhile. Null where that was done, or more is wrong: a person decides.
 */
export function retryMeasurement(plan: Plan, state: RolloutState): RolloutState | null {
  const { judgement, held, lookedAgain } = state;
  if (plan.decisionRule !== 'sequentialTest' || held !== null || lookedAgain || judgement?.verdict !== 'warn')
    return null;
  const bad = judgement.rows.filter(({ row, verdict }) => !row.dryRun && verdict === 'warn');
  if (bad.length === 0 || !bad.every(({ row }) => definitionOf(row.metric).unit === 'ms')) return null;
  return {
    ...state,
    ...NO_RETRIES_YET,
    lookedAgain: true,
    phase: 'openWindow',
    opening: null,
    closing: null,
    move: null,
  };
}
