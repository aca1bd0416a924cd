import type { ExpectedQuality } from '../core/release-quality.ts';
import type { Verdict } from '../core/verdict.ts';
import { worst } from '../core/verdict.ts';
import type { Estimate } from '../metrics/estimate.ts';
import { definitionOf } from '../metrics/registry.ts';
import type { LaneWindow } from '../metrics/window.ts';
import type { CheckResult } from './check-result.ts';
import { checkEstimate } from './check-result.ts';
import type { CheckedRow } from './classify.ts';
import { writtenLimits } from './classify.ts';
import { SLOWER } from '../metrics/p95-limit.ts';

/** A row with one limit. */
export interface LaneRow extends CheckedRow {
  readonly failAbove: number;
}

/** What a lane's window is held against. */
export interface LaneControl {
  /** An earlier window of the lane, with which relative rows compare; null where there are none. */
  readonly before: LaneWindow | null;
  /** The share of queries above tau that is expected of it. */
  readonly quality: ExpectedQuality | null;
  /** Of the interval that proves a row beyond its limit. */
  readonly z: number;
}

export interface LaneGateResult {
  readonly verdict: Verdict;
  readonly rows: readonly CheckResult<LaneRow>[];
}

/**
 * A gate on one lane, with an earlier window of it as the control in place of stable in the same minutes. A row fails where it is proven
 * beyond its limit, and passes where it is measured within: the lane has no margin to prove, and some minutes to do it in.
 */
export function evaluateLaneGate(
  rows: readonly LaneRow[],
  now: LaneWindow,
  { before, quality, z }: LaneControl,
): LaneGateResult {
  // Below 100 % the control has users.
  const window = { fromMs: 0, toMs: 0, percent: 50, stable: before, candidate: now, shadow: null };
  const evidence = {
    window,
    reference: null,
    candidateQuality: quality,
    stableQuality: quality,
    evaluation: null,
    looks: 1,
  };
  const judged = rows.flatMap((row) => {
    const { metric, compareTo, failAbove, minSamples } = row;
    const question = {
      evidence,
      compareTo,
      warnAbove: null,
      failAbove,
      minSamples,
      excessMs: SLOWER.excessMs,
    };
    const estimates: Estimate | readonly Estimate[] = definitionOf(metric).estimate(question);
    return [estimates]
      .flat()
      .map((of) => checkEstimate(row, of, { limits: writtenLimits(of), point: false, z, passZ: 0 }));
  });
  const counting = judged.filter(({ measured }) => measured.kind !== 'notApplicable');
  return { verdict: worst(counting.map(({ verdict }) => verdict)), rows: judged };
}

/** The reasons of the rows that decide. */
export function describeLaneGate({ verdict, rows }: LaneGateResult): string {
  return rows
    .filter((row) => row.verdict === verdict && row.measured.kind !== 'notApplicable')
    .map(({ reason }) => reason)
    .join('; ');
}
