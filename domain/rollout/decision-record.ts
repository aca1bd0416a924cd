import type { Plan } from '../plan/plan.ts';
import type { RolloutState } from './state.ts';
import { stageOf } from './state.ts';
import { endedRepeats, idleMessages } from './repeats.ts';
import type { GateResult } from '../gate/gate-result.ts';
import type { RolloutEvent } from './events.ts';
import type { Decision } from './decision.ts';

/** A decision with where it belongs: (runId, number, atMs) is its key. */
export interface DecisionRecord extends Decision {
  readonly workflowId: string;
  /** Of the first execution: a rollout that was reset goes on in the same log. */
  readonly runId: string;
  /** From 1 on; a gap is a record that was lost. A reset counts on from an earlier one. */
  readonly number: number;
  readonly candidate: string;
  readonly plan: { readonly name: string; readonly digest: string };
}

/** The decisions that an event led to: none for most, and an outcome besides where it ended the rollout. */
export function decisionsOf(
  plan: Plan,
  before: RolloutState,
  event: RolloutEvent,
  after: RolloutState,
  nowMs: number,
): Decision[] {
  const base = {
    atMs: nowMs,
    stage: before.t0Ms === null ? null : stageOf(plan, before).name,
    percent: before.percent,
    verdict: null,
    gate: null,
    action: actionOf(plan, before, after),
  } as const;
  // Equal messages that changed nothing are one record when the first comes, and one with their count when the row ends.
  const found: Decision[] = endedRepeats(before, after).map(({ text, times = 1 }) => ({
    ...base,
    kind: 'message',
    who: 'repeated',
    reason: `${text} (${times} times)`,
    action: 'changes nothing',
  }));
  if (event.kind === 'message' && isNews(before, after)) {
    const { name, reason, by } = event.message;
    // The timeline has why a message changed nothing.
    const said = after.timeline.findLast(({ kind }) => kind === 'message')?.text;
    found.push({ ...base, kind: 'message', who: by ?? 'unnamed operator', reason: said ?? reason ?? name });
  }
  // What changes nothing is no decision.
  if (event.kind === 'guard' && after !== before)
    found.push({
      ...base,
      kind: 'guard',
      who: 'guard',
      reason: 'reason' in event.event ? event.event.reason : event.event.intervention.what,
    });
  // What the guard has proven is its own decision, and has no window.
  else if (after.judgement !== null && after.judgement !== before.judgement)
    found.push(verdictDecision(base, after.judgement, plan, before, after));
  if (after.outcome !== null && before.outcome === null)
    found.push({
      ...base,
      kind: 'outcome',
      who: 'rollout',
      reason: after.outcomeReason ?? '',
      action: `ended: ${after.outcome}`,
    });
  return found;
}

/** Whether a message is not one that came before and changed nothing. */
function isNews(before: RolloutState, after: RolloutState): boolean {
  const [then, now] = [idleMessages(before), idleMessages(after)];
  return now.length === 0 || now.length > then.length;
}

function verdictDecision(
  base: Pick<Decision, 'atMs' | 'stage' | 'percent' | 'action'>,
  judgement: GateResult,
  { extendAtMost }: Plan,
  before: RolloutState,
  { evidence }: RolloutState,
): Decision {
  const { verdict, reason, rows, onFail, remediation } = judgement;
  return {
    ...base,
    kind: 'verdict',
    who: 'judge',
    verdict,
    reason,
    gate: {
      rows: rows.map(({ row, verdict: of, reason: why }) => ({
        metric: row.metric,
        verdict: of,
        reason: why,
      })),
      onFail,
      remediation,
      taken: before.moves.filter(({ stage }) => stage === base.stage).map(({ step }) => step),
      extensions: before.extensions,
      extendAtMost,
      held: before.held !== null,
      evidence,
    },
  };
}

/** What the change of state does next, as words. */
function actionOf(plan: Plan, before: RolloutState, after: RolloutState): string {
  if (after.outcome !== null) return `ended: ${after.outcome}`;
  if (after.phase === 'rollback') return before.phase === 'rollback' ? 'goes on rolling back' : 'rolls back';
  if (after.pausedSinceMs !== null) return before.pausedSinceMs === null ? 'pauses' : 'stays paused';
  if (after.phase === 'withdrawTraffic') return 'takes the share to 0';
  if (after.held !== null) return `${before.held === null ? 'holds' : 'stays held'} at ${after.percent} %`;
  if (after.extensions > before.extensions)
    return `extends the window (${after.extensions} of ${plan.extendAtMost})`;
  switch (after.phase) {
    case 'readFlags':
    case 'applyRemediation':
      return 'looks for a step of the ladder';
    case 'raise':
      return `raises to ${stageOf(plan, after).percent} %`;
    case 'promote':
      return 'promotes';
    case 'soak':
      return 'waits for the next raise';
    case 'openWindow':
      return 'measures again';
    default:
      return after.phase === before.phase ? 'changes nothing' : `goes on with ${after.phase}`;
  }
}
