import { ladderOf, sternest } from './ladder.ts';
import { laneReading, proposal } from './lane-reading.ts';
import type { Measured } from './measured.ts';
import { measured } from './measured.ts';
import type { GateRow, LadderStep, Plan } from './plan.ts';
import type { Evidence, Reading } from './reading.ts';
import {
  absent,
  acceptanceReading,
  evaluationReading,
  notApplicableReading,
  qualityReading,
  sayLimit,
  shareReading,
  splitReading,
} from './reading.ts';
import type { Interval } from './stats.ts';
import { wilson, zFor } from './stats.ts';
import type { LaneWindow } from './window.ts';
import { quantileMs, slowerThan, total } from './window.ts';

export type Verdict = 'green' | 'warn' | 'red' | 'unknown';

/** Worst first: a red decides over all, and what is not known is never outvoted by what is green. */
const WORST_FIRST: readonly Verdict[] = ['red', 'warn', 'unknown', 'green'];

/** One judged row: what was measured, the interval that decided, and why. */
interface RowVerdict {
  readonly row: GateRow;
  readonly verdict: Verdict;
  readonly measured: Measured;
  /** In the metric's own terms; null where nothing could be measured. */
  readonly interval: Interval | null;
  readonly reason: string;
}

/** A gate: its rows judged, and the worst of them. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly rows: readonly RowVerdict[];
  readonly atMs: number;
  /** What a red asks for; null unless red. */
  readonly onRed: GateRow['onRed'] | null;
  /** What may be tried, first step first; empty where a row that decided has nothing to try. */
  readonly ladder: readonly LadderStep[];
}

/** The worst of several verdicts; `unknown` of none. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  return WORST_FIRST.find((verdict) => verdicts.includes(verdict)) ?? 'unknown';
}

/** Judges a gate's rows. Rows that inform, or do not apply, are shown and do not count. */
export function judge(plan: Plan, rows: readonly GateRow[], evidence: Evidence, atMs: number): Judgement {
  const judged = rows.map((row) => judgeRow(plan, row, evidence));
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

/** A gate that could not be measured at all. */
export function unknownJudgement(reason: string, atMs: number): Judgement {
  return { verdict: 'unknown', reason, rows: [], atMs, onRed: null, ladder: [] };
}

function judgeRow(plan: Plan, row: GateRow, evidence: Evidence): RowVerdict {
  const { candidate } = evidence.window;
  if (row.metric === 'rAt5Drop') return decide(row, evaluationReading(evidence, zFor(plan.confidence, 1)));
  if (candidate === null)
    return decide(row, absent('the candidate lane has no counters for the whole window'));
  const z = zFor(plan.confidence, evidence.looks);
  const stable = comparedStable(evidence);
  if (row.against === 'stable' && stable === null)
    return decide(row, absent('stable has no window to compare with'));
  switch (row.metric) {
    case 'errorRate':
      return decide(
        row,
        shareReading(candidate.errors, row.against === 'stable' ? (stable?.errors ?? null) : null, z),
      );
    case 'retrievalP95':
    case 'endToEndP95':
    case 'rerankP95':
      return judgeLatency(plan, row, candidate, stable, z);
    case 'qualityShortfall':
      return decide(row, qualityReading(row, evidence, candidate, stable, z));
    case 'splitMismatch':
      return decide(row, splitReading(evidence.window));
    case 'rerankerAcceptance':
    case 'rerankerIdle':
      return decide(row, acceptanceReading(row.metric, candidate, z));
    case 'nearDuplicates':
    case 'cacheMisses':
    case 'memoryGrowth':
    case 'listImbalance':
    case 'corpusGrowth':
      return proposing(
        decide(row, laneReading({ ...row, metric: row.metric }, candidate, stable, z)),
        candidate,
      );
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

/** P95 <= L is the same as: at most 5 % are slower than L; that is a share, and so has an interval. */
const SLOWER_SHARE = 0.05;

function judgeLatency(
  plan: Plan,
  row: GateRow,
  candidate: LaneWindow,
  stable: LaneWindow | null,
  z: number,
): RowVerdict {
  const name =
    row.metric === 'retrievalP95' ? 'retrieval' : row.metric === 'rerankP95' ? 'rerank' : 'endToEnd';
  const n = total(candidate[name]);
  if (n === 0 && name === 'rerank' && total(candidate.endToEnd) > 0)
    return decide(row, notApplicableReading('the reranker is off'));
  const p95 = quantileMs(candidate[name], 0.95);
  if (p95 === null) return decide(row, absent('no requests of the candidate'));
  const stableP95 = row.against === 'stable' && stable !== null ? quantileMs(stable[name], 0.95) : null;
  if (row.against === 'stable' && stableP95 === null) return decide(row, absent('no requests of stable'));
  const limitMs = (over: number | null) =>
    over === null || stableP95 === null ? over : Math.max(stableP95 * over, stableP95 + plan.p95ExcessMs);
  const [warnMs, redMs] = [limitMs(row.warnOver), limitMs(row.redOver)];
  const slower = (limit: number | null) => (limit === null ? null : wilsonSlower(candidate, name, limit, z));
  const says = `P95 ${p95.toFixed(2)} ms of ${n}${stableP95 === null ? '' : `, stable ${stableP95.toFixed(2)} ms`}, limit ${(warnMs ?? redMs ?? 0).toFixed(2)} ms`;
  const reading = { measured: measured(p95, n), interval: slower(warnMs ?? redMs), says };
  if (n < row.minSamples) return fewSamples(row, reading, n);
  const verdict =
    row.decide === 'point'
      ? pointVerdict(p95, warnMs, redMs)
      : intervalVerdict(
          slower(warnMs),
          warnMs === null ? null : SLOWER_SHARE,
          slower(redMs),
          redMs === null ? null : SLOWER_SHARE,
        );
  return {
    row,
    verdict,
    measured: reading.measured,
    interval: reading.interval,
    reason: `${row.metric}: ${says}${because(verdict, () => 'the limit', row)}`,
  };
}

function wilsonSlower(
  lane: LaneWindow,
  name: 'retrieval' | 'endToEnd' | 'rerank',
  limitMs: number,
  z: number,
): Interval {
  const { hits, n } = slowerThan(lane[name], limitMs);
  return wilson(hits, n, z);
}

function decide(row: GateRow, reading: Reading): RowVerdict {
  const { measured: m, interval } = reading;
  if (m.kind !== 'value' || interval === null)
    return { row, verdict: 'unknown', measured: m, interval, reason: `${row.metric}: ${reading.says}` };
  if (m.n < row.minSamples) return fewSamples(row, reading, m.n);
  const verdict =
    row.decide === 'point'
      ? pointVerdict(m.value, row.warnOver, row.redOver)
      : intervalVerdict(interval, row.warnOver, interval, row.redOver);
  return {
    row,
    verdict,
    measured: m,
    interval,
    reason: `${row.metric}: ${reading.says}${because(verdict, sayLimit, row)}`,
  };
}

function fewSamples(row: GateRow, reading: Reading, n: number): RowVerdict {
  const reason = `${row.metric}: ${reading.says}: ${n} samples of at least ${row.minSamples}`;
  return { row, verdict: 'unknown', measured: reading.measured, interval: reading.interval, reason };
}

function pointVerdict(value: number, warnOver: number | null, redOver: number | null): Verdict {
  if (redOver !== null && value > redOver) return 'red';
  return warnOver !== null && value > warnOver ? 'warn' : 'green';
}

/** Green where the interval lies within the first limit; warn or red where it lies beyond one; else not proven. */
function intervalVerdict(
  warn: Interval | null,
  warnOver: number | null,
  red: Interval | null,
  redOver: number | null,
): Verdict {
  if (red !== null && redOver !== null && red.low > redOver) return 'red';
  if (warn !== null && warnOver !== null && warn.low > warnOver) return 'warn';
  const [first, limit] = warn !== null && warnOver !== null ? [warn, warnOver] : [red, redOver];
  return first !== null && limit !== null && first.high <= limit ? 'green' : 'unknown';
}

function because(verdict: Verdict, limit: typeof sayLimit, row: GateRow): string {
  const first = row.warnOver ?? row.redOver;
  switch (verdict) {
    case 'green':
      return `, within ${limit(row, first)}`;
    case 'warn':
      return `, beyond ${limit(row, row.warnOver)} for a warning`;
    case 'red':
      return `, beyond ${limit(row, row.redOver)}`;
    case 'unknown':
      return `, not proven to be within ${limit(row, first)} yet`;
    default:
      return verdict satisfies never;
  }
}
