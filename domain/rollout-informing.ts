import type { Judgement } from './gate.ts';
import type { Plan } from './plan.ts';
import type { RolloutState, Step } from './rollout-state.ts';
import { log, stageOf } from './rollout-state.ts';

/** Tells of rows that inform and are beyond their limit: once for each metric of a stage. They decide nothing. */
export function inform(plan: Plan, before: RolloutState, { rows }: Judgement, nowMs: number): Step {
  const stage = stageOf(plan, before).name;
  const news = rows
    .filter(({ row, verdict }) => row.informs && (verdict === 'warn' || verdict === 'red'))
    .map(({ row, reason }) => ({ key: `${stage}/${row.metric}`, reason }))
    .filter(({ key }, i, all) => !before.told.includes(key) && all.findIndex((one) => one.key === key) === i);
  const state = news.reduce<RolloutState>(
    (told, { reason }) => log(plan, told, { kind: 'step', text: `informs: ${reason}` }, nowMs),
    { ...before, told: [...before.told, ...news.map(({ key }) => key)] },
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
