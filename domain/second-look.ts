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
  const { verdict, rows, reason } = judgement;
  const bad = rows.filter(({ row, verdict: of }) => !row.informs && of === verdict);
  const onlyErrors =
    (verdict === 'warn' || verdict === 'red') && bad.every(({ row }) => row.metric === 'errorRate');
  if (plan.judge !== 'sequential' || state.held !== null || state.extensions > 0 || !onlyErrors)
    return judged;
  const again = unknownJudgement(`${verdict}: ${reason}; looked at again, it may have been a spike`, nowMs);
  return { judgement: { ...again, rows }, state: { ...state, opening: null } };
}
