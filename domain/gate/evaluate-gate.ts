import { worst } from '../core/verdict.ts';
import type { Evidence } from '../metrics/evidence.ts';
import { definitionOf } from '../metrics/registry.ts';
import type { LaneWindow } from '../metrics/window.ts';
import type { GateCheck, Plan } from '../plan/plan.ts';
import { zFor } from '../statistics/proportion.ts';
import type { CheckResult } from '../check/check-result.ts';
import { checkEstimate } from '../check/check-result.ts';
import { byPoint, limitsOf, toleranceOf } from './limits.ts';
import { remediationOf, mostSevereAction } from './gate-action.ts';
import type { GateResult } from './gate-result.ts';

/** Judges a gate's rows. Rows that inform, or do not apply, are shown and do not count. */
export function evaluateGate(
  plan: Plan,
  rows: readonly GateCheck[],
  evidence: Evidence,
  atMs: number,
): GateResult {
  const judged = rows.flatMap((row) => evaluateCheck(plan, row, evidence));
  const counting = judged.filter(({ row, measured: m }) => !row.dryRun && m.kind !== 'notApplicable');
  const verdict = worst(counting.map((row) => row.verdict));
  const deciding = counting.filter((row) => row.verdict === verdict);
  const failed = deciding.filter(() => verdict === 'fail');
  return {
    verdict,
    reason:
      verdict === 'pass'
        ? `all ${counting.length} rows pass`
        : [...new Set(deciding.map(({ reason }) => reason))].join('; '),
    rows: judged,
    atMs,
    onFail: mostSevereAction(failed.map(({ row }) => row.onFail)),
    remediation: remediationOf(
      verdict,
      deciding.map(({ row }) => row),
    ),
  };
}

/** A row's verdict, or one for each kind of queries: its metric is estimated, held against the row's limits, and described. */
function evaluateCheck(plan: Plan, row: GateCheck, evidence: Evidence): CheckResult<GateCheck>[] {
  const definition = definitionOf(row.metric);
  const { estimate, source } = definition;
  const { candidate, percent } = evidence.window;
  const { compareTo, warnAbove, failAbove, minSamples } = row;
  const question = { evidence, compareTo, warnAbove, failAbove, minSamples, excessMs: plan.p95ExcessMs };
  // An evaluation is made once, however often its window is looked at.
  const z = zFor(plan.confidence, source === 'evaluation' ? 1 : evidence.looks);
  const tolerance = toleranceOf(plan, row, definition, percent);
  const point = byPoint(plan, row);
  return [estimate(question)]
    .flat()
    .map((of) =>
      proposing(
        checkEstimate(row, of, { limits: limitsOf(plan, of, tolerance), point, z, passZ: z }),
        candidate,
      ),
    );
}

/** Beyond its limit a row may propose what to do. */
function proposing(judged: CheckResult<GateCheck>, candidate: LaneWindow | null): CheckResult<GateCheck> {
  const beyond = judged.verdict === 'warn' || judged.verdict === 'fail';
  const { remedy } = definitionOf(judged.row.metric);
  return !beyond || remedy === null || candidate === null
    ? judged
    : { ...judged, reason: `${judged.reason}; proposed: ${remedy(candidate)}` };
}
