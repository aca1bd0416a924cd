import type { GateCheck, LadderStep } from '../plan/plan.ts';
import type { CheckResult } from './check-result.ts';
import type { Verdict } from '../core/verdict.ts';

/** A gate: its rows judged, and the worst of them. */
export interface GateResult {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly rows: readonly CheckResult[];
  readonly atMs: number;
  /** What a fail asks for; null for other verdicts. */
  readonly onRed: GateCheck['onRed'] | null;
  /** What may be tried, first step first; empty where a row that decided has nothing to try. */
  readonly ladder: readonly LadderStep[];
}

/** A gate that could not be measured at all. */
export function inconclusiveResult(reason: string, atMs: number): GateResult {
  return { verdict: 'inconclusive', reason, rows: [], atMs, onRed: null, ladder: [] };
}
