import type { Histogram } from '../metrics/histogram.ts';
import { alikeLatencies, byKind } from '../metrics/like-with-like.ts';
import { measured } from '../core/metric-value.ts';
import type { GateRow, Plan } from '../plan/plan.ts';
import { absent, notApplicableReading } from './reading.ts';
import type { Limits } from './limits.ts';
import { asSlowShare, byPoint, limitsOf } from './limits.ts';
import type { RowVerdict } from './check-result.ts';
import { because, notMeasured } from './check-result.ts';
import type { Count } from '../statistics/proportion.ts';
import { wilson } from '../statistics/proportion.ts';
import { distanceOf } from './sensitivity.ts';
import type { LaneWindow } from '../metrics/window.ts';
import { SLOWER_SHARE, quantileMs, slowerThan, total } from '../metrics/histogram.ts';
import type { Verdict } from '../core/verdict.ts';

interface LatencyLanes {
  readonly candidate: LaneWindow;
  /** What a relative row compares with. */
  readonly stable: LaneWindow | null;
  /** Stable with users in the same minutes. */
  readonly live: LaneWindow | null;
  readonly percent: number;
}

/** Latencies of both lanes, alike: stable's are in the proportions of the candidate's kinds. */
interface Compared {
  readonly candidate: Histogram;
  readonly stable: Histogram | null;
  readonly live: Histogram | null;
  readonly percent: number;
  /** What is judged, as a person reads it. */
  readonly name: string;
}

/** One of a row's limits in ms, with how many were slower and which share may be. */
interface Slower {
  readonly limitMs: number;
  readonly count: Count;
  readonly over: number;
  readonly within: number;
}

/** The verdict on a P95 of all kinds of queries against a limit, or against stable's. */
export function judgeLatency(plan: Plan, row: GateRow, lanes: LatencyLanes, z: number): RowVerdict {
  const { candidate, stable, live, percent } = lanes;
  const relative = row.against === 'stable';
  const shared = { percent, name: row.metric };
  if (row.metric === 'rerankP95') {
    if (total(candidate.rerank) === 0 && total(candidate.endToEnd) > 0)
      return notMeasured(row, notApplicableReading('nothing was reranked'));
    const control = { stable: relative ? (stable?.rerank ?? null) : null, live: live?.rerank ?? null };
    return judgeHistograms(plan, row, { candidate: candidate.rerank, ...control, ...shared }, z);
  }
  const name = row.metric === 'retrievalP95' ? 'retrieval' : 'endToEnd';
  const alike = (lane: LaneWindow | null) =>
    lane === null
      ? null
      : alikeLatencies(
          byKind(candidate.kinds, (kind) => kind[name]),
          byKind(lane.kinds, (kind) => kind[name]),
        );
  const [compared, control] = [relative ? alike(stable) : null, alike(live)];
  const measuredOf = compared === null || total(compared.stable) === 0 ? candidate[name] : compared.candidate;
  return judgeHistograms(
    plan,
    row,
    { candidate: measuredOf, stable: compared?.stable ?? null, live: control?.stable ?? null, ...shared },
    z,
  );
}

/** The verdict on the P95 of one histogram; a relative row is unknown without stable's. */
export function judgeHistograms(plan: Plan, row: GateRow, lanes: Compared, z: number): RowVerdict {
  const { candidate, stable, name } = lanes;
  const n = total(candidate);
  const p95 = quantileMs(candidate, 0.95);
  if (p95 === null) return notMeasured(row, absent('no requests of the candidate'), name);
  const stableP95 = row.against === 'stable' && stable !== null ? quantileMs(stable, 0.95) : null;
  if (row.against === 'stable' && stableP95 === null)
    return notMeasured(row, absent('no requests of stable'), name);
  const limits = inMs(plan, row, stableP95);
  const slower = (limitMs: number | null) => (limitMs === null ? null : slowerOf(plan, row, lanes, limitMs));
  const [warn, red] = [slower(limits.warn), slower(limits.red)];
  const first = warn ?? red;
  if (first === null) return notMeasured(row, absent('the row has no limit'), name);
  const says = `P95 ${p95.toFixed(2)} ms of ${n}${stableP95 === null ? '' : `, stable ${stableP95.toFixed(2)} ms`}, limit ${first.limitMs.toFixed(2)} ms`;
  const point = byPoint(plan, row);
  const verdictAt = (more: number, size: number) =>
    n * size < row.minSamples ? 'unknown' : slowerVerdict(warn, red, more, size, point ? 0 : z);
  const verdict = n >= row.minSamples && point ? pointVerdict(p95, limits) : verdictAt(0, 1);
  const reason =
    n < row.minSamples
      ? `${says}: ${n} samples of at least ${row.minSamples}`
      : `${says}${because(verdict, row, limits, () => (point ? 'the limit' : sayWithin(verdict, first)))}`;
  return {
    row,
    verdict,
    measured: measured(p95, n),
    interval: wilson(first.count.hits, first.count.n, z),
    reason: `${name}: ${reason}`,
    distance: distanceOf({ count: first.count, what: 'slow requests', grows: true }, verdict, (count) =>
      verdictAt(count.hits - (first.count.hits * count.n) / n, count.n / n),
    ),
  };
}

/** A row's limits in ms: relative ones lie so many times over stable's P95, and at least the plan's excess. */
function inMs(plan: Plan, row: GateRow, stableP95: number | null): Limits {
  const ms = (over: number | null) =>
    over === null || stableP95 === null ? over : Math.max(stableP95 * over, stableP95 + plan.p95ExcessMs);
  const [warn, red] = [ms(row.warnOver), ms(row.redOver)];
  return { warn, red, within: warn ?? red ?? 0 };
}

function slowerOf(plan: Plan, row: GateRow, { candidate, live, percent }: Compared, limitMs: number): Slower {
  const ofStable = live === null || total(live) === 0 ? null : slowerThan(live, limitMs);
  const share = ofStable === null ? null : ofStable.hits / ofStable.n;
  const { warn, within } = limitsOf(plan, asSlowShare(row), share, percent);
  return { limitMs, count: slowerThan(candidate, limitMs), over: warn ?? SLOWER_SHARE, within };
}

function slowerVerdict(
  warn: Slower | null,
  red: Slower | null,
  more: number,
  size: number,
  z: number,
): Verdict {
  const interval = ({ count: { hits, n } }: Slower) =>
    wilson(Math.min(hits * size + more, n * size), n * size, z);
  if (red !== null && interval(red).low > red.over) return 'red';
  if (warn !== null && interval(warn).low > warn.over) return 'warn';
  const first = warn ?? red;
  return first !== null && interval(first).high <= first.within ? 'green' : 'unknown';
}

function pointVerdict(p95: number, { warn, red }: Limits): Verdict {
  if (red !== null && p95 > red) return 'red';
  return warn !== null && p95 > warn ? 'warn' : 'green';
}

function sayWithin(verdict: Verdict, { over, within }: Slower): string {
  const extra = Number(((within - SLOWER_SHARE) * 100).toFixed(2));
  if (over > SLOWER_SHARE) return 'what stable keeps in the same minutes';
  return verdict === 'green' && extra > 0 ? `the limit and ${extra} points` : 'the limit';
}
