import type { Judgement } from './gate.ts';
import { unknownJudgement } from './gate.ts';
import type { Plan } from './plan.ts';
import type { RolloutState } from './rollout-state.ts';

/**
 * The judge `sequential` does not take a stage's first word on errors for its last: a window of counts can not tell a spike of three
 * minutes from a release gone bad, a fresh one can. Meanwhile the guard watches minute by minute. Latencies and quality stand.
 */
export function secondLook(
  plan: Plan,
  judged: { readonly judgement: Judgement; readonly state: RolloutState },
  nowMs: number,
): { readonly judgement: Judgement; readonly state: RolloutState } {
  const { judgement, state } = judged;
  const again = firstWord(plan, judgement, { ...state, held: state.held !== null }, nowMs);
  return again === judgement ? judged : { judgement: again, state: { ...state, opening: null } };
}

/** The judgement as it counts: `unknown` where it is a stage's first word on errors alone. */
export function firstWord(
  plan: Plan,
  judgement: Judgement,
  { held, extensions }: { readonly held: boolean; readonly extensions: number },
  nowMs: number,
): Judgement {
  const { verdict, rows, reason } = judgement;
  const bad = rows.filter(({ row, verdict: of }) => !row.informs && of === verdict);
  const onlyErrors =
    (verdict === 'warn' || verdict === 'red') && bad.every(({ row }) => row.metric === 'errorRate');
  if (plan.judge !== 'sequential' || held || extensions > 0 || !onlyErrors) return judgement;
  const again = unknownJudgement(`${verdict}: ${reason}; looked at again, it may have been a spike`, nowMs);
  return { ...again, rows };
}
