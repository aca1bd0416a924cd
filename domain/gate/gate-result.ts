import type { GateCheck, RemediationStep } from '../plan/plan.ts';
import type { CheckResult } from '../check/check-result.ts';
import type { Verdict } from '../core/verdict.ts';

/** A gate: its rows judged, and the worst of them. */
export interface GateResult {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly rows: readonly CheckResult<GateCheck>[];
  readonly atMs: number;
  /** What a fail asks for; null for other verdicts. */
  readonly onFail: GateCheck['onFail'] | null;
  /** What may be tried, first step first; empty where a row that decided has nothing to try. */
  readonly remediation: readonly RemediationStep[];
}

/** A gate that could not be measured at all. */
export function inconclusiveResult(reason: string, atMs: number): GateResult {
  return { verdict: 'inconclusive', reason, rows: [], atMs, onFail: null, remediation: [] };
}
