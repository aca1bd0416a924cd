import type { DecisionRecord } from '../rollout/decision-record.ts';
import { evaluateGate } from '../gate/evaluate-gate.ts';
import { awaitConfirmation } from '../rollout/confirmation-window.ts';
import type { Plan } from '../plan/plan.ts';
import type { Verdict } from '../core/verdict.ts';
import { readVerdict } from '../core/verdict.ts';
import type { GateRecord } from '../rollout/decision.ts';
import { readGate } from '../rollout/decision.ts';

/** A verdict of a rollout, and the one that another plan comes to on the same evidence. */
export interface ReplayedDecision {
  readonly number: number;
  readonly atMs: number;
  readonly stage: string;
  readonly percent: number;
  readonly was: Judged;
  readonly would: Judged;
  readonly differs: boolean;
}

interface Judged {
  readonly verdict: Verdict;
  readonly reason: string;
  /** What follows from it: the same words for both, so that they can be compared. */
  readonly follows: string;
}

type Gate = Omit<GateRecord, 'rows' | 'evidence'> & { readonly verdict: Verdict };

/**
 * Each verdict of a run judged again by another plan, oldest first. From the first difference on the rollout would have
 * gone another way, and what was measured later says less.
 */
export function replayDecisions(plan: Plan, records: readonly DecisionRecord[]): ReplayedDecision[] {
  return records.flatMap((record) => {
    const { kind, stage } = record;
    if (kind !== 'verdict' || stage === null || record.gate === null || record.verdict === null) return [];
    const gate = readGate(record.gate);
    const verdict = readVerdict(record.verdict);
    const was = {
      verdict,
      reason: record.reason,
      follows: consequence({ ...gate, verdict }),
    };
    const would = judgedBy(plan, stage, gate, record.atMs) ?? was;
    const { number, atMs, percent } = record;
    return [{ number, atMs, stage, percent, was, would, differs: was.follows !== would.follows }];
  });
}

/** Null where there was no window: that no plan can judge. */
function judgedBy(plan: Plan, name: string, gate: GateRecord, atMs: number): Judged | null {
  if (gate.evidence === null) return null;
  const stage = plan.stages.find((other) => other.name === name);
  if (stage === undefined)
    return {
      verdict: 'inconclusive',
      reason: `plan ${plan.name} has no stage ${name}`,
      follows: 'is not judged',
    };
  const evidence = { ...gate.evidence, looks: plan.extendAtMost + 1 };
  const judgement = awaitConfirmation(plan, evaluateGate(plan, stage.rows, evidence, atMs), gate, atMs);
  const { extensions, held, taken } = gate;
  return {
    verdict: judgement.verdict,
    reason: judgement.reason,
    follows: consequence({ ...judgement, taken, extensions, held, extendAtMost: plan.extendAtMost }),
  };
}

function consequence({ verdict, onFail, remediation, taken, extensions, held, extendAtMost }: Gate): string {
  if (verdict === 'fail' && onFail === 'rollback') return 'rolls back';
  if (held) return 'stays held';
  switch (verdict) {
    case 'pass':
      return 'goes on';
    case 'inconclusive':
      return extensions < extendAtMost ? 'extends' : 'holds';
    case 'warn':
    case 'fail': {
      const step = remediation.find((one) => one === 'hold' || !taken.includes(one)) ?? 'hold';
      return step === 'hold' ? 'holds' : `tries ${step}`;
    }
    default:
      return verdict satisfies never;
  }
}
