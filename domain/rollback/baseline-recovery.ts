import type { LaneGateResult, LaneRow } from '../check/lane-gate.ts';
import { describeLaneGate, evaluateLaneGate } from '../check/lane-gate.ts';
import type { LaneWindow } from '../metrics/window.ts';
import { zFor } from '../statistics/proportion.ts';
import { slowerLimitMs } from '../metrics/p95-limit.ts';

/** What baseline_metrics.json holds: stable's window before T0. Latencies in ms, shares 0..1; null was not measured. */
export interface Baseline {
  readonly release: string;
  readonly errorRate: number;
  readonly retrievalP95Ms: number | null;
  readonly endToEndP95Ms: number | null;
  readonly rerankP95Ms: number | null;
  readonly qualityShare: number | null;
}

/** The runbook's tolerances, besides that of a P95: 0.2 points of errors, 5 points of quality. */
const ERRORS_MAY_RISE = 0.002;
const QUALITY_MAY_FALL = 0.05;
const Z = zFor(0.95, 1);
/** Fewer requests say nothing. */
export const LEAST_REQUESTS = 100;

/** Whether metrics have returned to the baseline: a gate on stable now, whose limits are those of the baseline with the tolerances. */
export function evaluateRecovery(baseline: Baseline, now: LaneWindow): LaneGateResult {
  const { qualityShare } = baseline;
  const quality = qualityShare === null ? null : { release: now.release, expectedShare: qualityShare };
  return evaluateLaneGate(rowsOf(baseline), now, { before: null, quality, z: Z });
}

/** What was not measured before the rollout has no row. */
function rowsOf(baseline: Baseline): LaneRow[] {
  const row = (metric: LaneRow['metric'], failAbove: number): LaneRow => ({
    metric,
    compareTo: 'limit',
    failAbove,
    minSamples: LEAST_REQUESTS,
  });
  const slower = (metric: LaneRow['metric'], p95Ms: number | null) =>
    p95Ms === null ? [] : [row(metric, slowerLimitMs(p95Ms))];
  return [
    row('errorRate', baseline.errorRate + ERRORS_MAY_RISE),
    ...slower('retrievalP95', baseline.retrievalP95Ms),
    ...slower('endToEndP95', baseline.endToEndP95Ms),
    ...slower('rerankP95', baseline.rerankP95Ms),
    ...(baseline.qualityShare === null ? [] : [row('qualityShortfall', QUALITY_MAY_FALL)]),
  ];
}

/** The rows that decide, in a sentence. */
export function describeRecovery(result: LaneGateResult): string {
  return result.verdict === 'pass' ? 'metrics are back at the baseline' : describeLaneGate(result);
}

/** The baseline of a file, or why it holds none. */
export function readBaseline(raw: unknown): { readonly baseline: Baseline } | { readonly problem: string } {
  if (typeof raw !== 'object' || raw === null) return { problem: 'it is no object' };
  const fields: Readonly<Record<string, unknown>> = { ...raw };
  if (fields['kind'] === 'missing') return { problem: `it was not measured: ${String(fields['reason'])}` };
  const number = (name: string) => {
    const value = fields[name];
    return typeof value === 'number' && Number.isFinite(value) ? value : null;
  };
  const { release } = fields;
  const errorRate = number('errorRate');
  if (typeof release !== 'string') return { problem: 'release: must be a text' };
  if (errorRate === null) return { problem: 'errorRate: must be a number' };
  return {
    baseline: {
      release,
      errorRate,
      retrievalP95Ms: number('retrievalP95Ms'),
      endToEndP95Ms: number('endToEndP95Ms'),
      rerankP95Ms: number('rerankP95Ms'),
      qualityShare: number('qualityShare'),
    },
  };
}
