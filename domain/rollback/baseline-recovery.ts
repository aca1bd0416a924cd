import { wilson, zFor } from '../statistics/proportion.ts';
import type { Histogram } from '../metrics/histogram.ts';
import type { LaneWindow } from '../metrics/window.ts';
import { quantileMs, slowerThan } from '../metrics/histogram.ts';
import { worst } from '../core/verdict.ts';
import type { Verdict } from '../core/verdict.ts';

/** What baseline_metrics.json holds: stable's window before T0. Latencies in ms, shares 0..1; null was not measured. */
export interface Baseline {
  readonly release: string;
  readonly errorRate: number;
  readonly retrievalP95Ms: number | null;
  readonly endToEndP95Ms: number | null;
  readonly rerankP95Ms: number | null;
  readonly qualityShare: number | null;
}

/** A metric now and before the rollout. */
export interface RecoveryCheck {
  readonly metric: string;
  readonly baseline: number | null;
  readonly now: number | null;
  readonly n: number;
  readonly verdict: Verdict;
  readonly reason: string;
}

/** The runbook's tolerances: 0.2 points of errors, 15 % of a P95 (and 1 ms, which no user notices), 5 points of quality. */
const ERRORS = 0.002;
const SLOWER = 1.15;
const SLOWER_MS = 1;
const QUALITY = 0.05;
const SLOW_SHARE = 0.05;
const Z = zFor(0.95, 1);
/** Fewer requests say nothing. */
export const LEAST_REQUESTS = 100;

/** Whether metrics have returned to the baseline, row by row: a fail is proven not to have, a pass is there as measured. */
export function recoveryChecks(baseline: Baseline, now: LaneWindow): RecoveryCheck[] {
  return [
    errorRow(baseline, now),
    latencyRow('retrievalP95', baseline.retrievalP95Ms, now.retrieval),
    latencyRow('endToEndP95', baseline.endToEndP95Ms, now.endToEnd),
    latencyRow('rerankP95', baseline.rerankP95Ms, now.rerank),
    qualityRow(baseline, now),
  ];
}

/** Rows in a sentence, and the worst of them. */
export function describeRecovery(rows: readonly RecoveryCheck[]): {
  readonly verdict: Verdict;
  readonly reason: string;
} {
  const verdict = worst(rows.map((row) => row.verdict));
  const deciding = rows.filter((row) => row.verdict === verdict);
  return {
    verdict,
    reason:
      verdict === 'pass'
        ? 'metrics are back at the baseline'
        : deciding.map(({ metric, reason }) => `${metric}: ${reason}`).join('; '),
  };
}

function errorRow({ errorRate }: Baseline, { errors: { hits, n } }: LaneWindow): RecoveryCheck {
  const limit = errorRate + ERRORS;
  const now = n === 0 ? null : hits / n;
  const of = { metric: 'errorRate', baseline: errorRate, now, n };
  if (now === null || n < LEAST_REQUESTS) return few(of);
  const reason = `${percent(now)} of ${n}, limit ${percent(limit)}`;
  return { ...of, reason, verdict: decided(wilson(hits, n, Z).low > limit, now <= limit) };
}

function latencyRow(metric: string, baseline: number | null, histogram: Histogram): RecoveryCheck {
  const now = quantileMs(histogram, 0.95);
  const limit = baseline === null ? Infinity : Math.max(baseline * SLOWER, baseline + SLOWER_MS);
  const { hits, n } = slowerThan(histogram, limit);
  const of = { metric, baseline, now, n };
  if (baseline === null) return { ...of, verdict: 'pass', reason: 'the baseline has none' };
  if (now === null || n < LEAST_REQUESTS) return few(of);
  const reason = `P95 ${now.toFixed(2)} ms of ${n}, limit ${limit.toFixed(2)} ms`;
  return { ...of, reason, verdict: decided(wilson(hits, n, Z).low > SLOW_SHARE, hits / n <= SLOW_SHARE) };
}

function qualityRow({ qualityShare }: Baseline, { quality: { hits, n } }: LaneWindow): RecoveryCheck {
  const now = n === 0 ? null : hits / n;
  const of = { metric: 'qualityShare', baseline: qualityShare, now, n };
  if (qualityShare === null) return { ...of, verdict: 'pass', reason: 'the baseline has none' };
  if (now === null || n < LEAST_REQUESTS) return few(of);
  const limit = qualityShare - QUALITY;
  const reason = `${percent(now)} of ${n} above tau, limit ${percent(limit)}`;
  return { ...of, reason, verdict: decided(wilson(hits, n, Z).high < limit, now >= limit) };
}

function decided(isBeyond: boolean, isWithin: boolean): Verdict {
  return isBeyond ? 'fail' : isWithin ? 'pass' : 'inconclusive';
}

function few(of: Omit<RecoveryCheck, 'verdict' | 'reason'>): RecoveryCheck {
  return { ...of, verdict: 'inconclusive', reason: `${of.n} requests of at least ${LEAST_REQUESTS}` };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
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
