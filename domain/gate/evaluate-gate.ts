import { laneReading, proposal } from './lane-reading.ts';
import { judgeKinds, lacksQueries } from './kind-row.ts';
import { judgeLatency } from './latency-row.ts';
import { alikeErrors } from '../metrics/like-with-like.ts';
import type { GateRow, Plan } from '../plan/plan.ts';
import type { Evidence } from './reading.ts';
import {
  absent,
  acceptanceReading,
  evaluationReading,
  notApplicableReading,
  qualityReading,
  shareReading,
  splitReading,
} from './reading.ts';
import { limitsOf } from './limits.ts';
import type { RowVerdict } from './check-result.ts';
import { decide, notMeasured } from './check-result.ts';
import { shadowOverlapReading, shadowQualityReading } from './shadow-reading.ts';
import { zFor } from '../statistics/proportion.ts';
import type { LaneWindow } from '../metrics/window.ts';
import { worst } from '../core/verdict.ts';
import type { Judgement } from './judgement.ts';
import { ladderOf, sternest } from './gate-action.ts';

/** Judges a gate's rows. Rows that inform, or do not apply, are shown and do not count. */
export function judge(plan: Plan, rows: readonly GateRow[], evidence: Evidence, atMs: number): Judgement {
  const judged = rows.flatMap((row) => judgeRow(plan, row, evidence));
  const counting = judged.filter(({ row, measured: m }) => !row.informs && m.kind !== 'notApplicable');
  const verdict = worst(counting.map((row) => row.verdict));
  const deciding = counting.filter((row) => row.verdict === verdict);
  const reds = deciding.filter(() => verdict === 'red');
  return {
    verdict,
    reason:
      verdict === 'green'
        ? `all ${counting.length} rows are green`
        : [...new Set(deciding.map(({ reason }) => reason))].join('; '),
    rows: judged,
    atMs,
    onRed: sternest(reds.map(({ row }) => row.onRed)),
    ladder: ladderOf(
      verdict,
      deciding.map(({ row }) => row),
    ),
  };
}

/** One verdict, or one for each kind of queries. */
function judgeRow(plan: Plan, row: GateRow, evidence: Evidence): RowVerdict | RowVerdict[] {
  const { candidate, percent } = evidence.window;
  const limits = (stable: number | null = null) => limitsOf(plan, row, stable, percent);
  if (row.metric === 'rAt5Drop')
    return decide(plan, row, evaluationReading(evidence, zFor(plan.confidence, 1)), limits());
  if (candidate === null)
    return notMeasured(row, absent('the candidate lane has no counters for the whole window'));
  if (lacksQueries(row, evidence.window))
    return notMeasured(row, notApplicableReading('queries with a context are hardly any in this window'));
  const z = zFor(plan.confidence, evidence.looks);
  const stable = comparedStable(evidence);
  if (row.against === 'stable' && stable === null)
    return notMeasured(row, absent('stable has no window to compare with'));
  const live = percent < 100 ? evidence.window.stable : null;
  const errorsOf = (lane: LaneWindow | null) => (lane === null ? null : alikeErrors(candidate, lane));
  switch (row.metric) {
    case 'errorRate': {
      const [compared, control] = [row.against === 'stable' ? errorsOf(stable) : null, errorsOf(live)];
      return decide(
        plan,
        row,
        shareReading(candidate.errors, compared, z, 'errors'),
        limits(control === null || control.n === 0 ? null : control.hits / control.n),
      );
    }
    case 'retrievalP95':
    case 'endToEndP95':
    case 'rerankP95':
      return judgeLatency(plan, row, { candidate, stable, live, percent }, z);
    case 'encodeP95':
    case 'requestP95':
      return stable === null
        ? notMeasured(row, absent('stable has no window to compare with'))
        : judgeKinds(plan, { ...row, metric: row.metric }, { candidate, stable, percent }, z);
    case 'qualityShortfall':
      return decide(plan, row, qualityReading(row, evidence, candidate, stable, z), limits());
    case 'splitMismatch':
      return decide(plan, row, splitReading(evidence.window), limits());
    case 'rerankerAcceptance':
    case 'rerankerIdle':
      return decide(plan, row, acceptanceReading(row.metric, candidate, z), limits());
    case 'nearDuplicates':
    case 'cacheMisses':
    case 'memoryGrowth':
    case 'listImbalance':
    case 'corpusGrowth': {
      const reading = laneReading({ ...row, metric: row.metric }, candidate, stable, z);
      return proposing(decide(plan, row, reading, limits()), candidate);
    }
    case 'shadowQualityDrop':
      return decide(plan, row, shadowQualityReading(evidence, z), limits());
    case 'shadowOverlap':
      return decide(plan, row, shadowOverlapReading(evidence, z), limits());
    default:
      return row.metric satisfies never;
  }
}

/** Beyond its limit a row may propose what to do. */
function proposing(judged: RowVerdict, candidate: LaneWindow): RowVerdict {
  const beyond = judged.verdict === 'warn' || judged.verdict === 'red';
  const what = beyond ? proposal(judged.row.metric, candidate) : null;
  return what === null ? judged : { ...judged, reason: `${judged.reason}; proposed: ${what}` };
}

/** Below 100 % the lane of the same minutes; at 100 % stable has no users, and its last window stands in. */
function comparedStable({ window, reference }: Evidence): LaneWindow | null {
  return window.percent < 100 ? window.stable : reference;
}
