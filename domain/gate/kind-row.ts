import { EMPTY, plus, total } from '../metrics/histogram.ts';
import type { Histogram } from '../metrics/histogram.ts';
import type { Strata } from '../metrics/like-with-like.ts';
import { alikeLatencies } from '../metrics/like-with-like.ts';
import { judgeHistograms } from './latency-row.ts';
import type { Metric } from '../metrics/registry.ts';
import type { GateRow, Plan } from '../plan/plan.ts';
import { absent, notApplicableReading } from './reading.ts';
import type { RowVerdict } from './check-result.ts';
import { notMeasured } from './check-result.ts';
import type { KindMetric } from '../metrics/query-kinds.ts';
import { HARDLY_ANY, KINDS_OF, strataOf } from '../metrics/query-kinds.ts';
import type { KindWindow, LaneWindow, Window } from '../metrics/window.ts';

/** What is measured of queries with a context alone: they alone use a predictor, are reranked, and are shadowed. */
const OF_CONTEXT: readonly Metric[] = [
  'rerankP95',
  'qualityShortfall',
  'rerankerAcceptance',
  'rerankerIdle',
  'shadowQualityDrop',
  'shadowOverlap',
];

/** Whether a row is about queries that hardly come: a service of texts is not held for what its queries do not have. */
export function lacksQueries({ metric, minSamples }: GateRow, window: Window): boolean {
  if (!OF_CONTEXT.includes(metric)) return false;
  const lanes = [window.candidate, window.percent < 100 ? window.stable : null];
  const sum = (of: (lane: LaneWindow) => number) =>
    lanes.reduce((n, lane) => n + (lane === null ? 0 : of(lane)), 0);
  const context = (lane: LaneWindow | null) => lane?.kinds['context']?.errors.n ?? 0;
  const all = sum(({ errors }) => errors.n);
  return all > 0 && context(window.candidate) < minSamples && sum(context) < HARDLY_ANY * all;
}

interface Lanes {
  readonly candidate: LaneWindow;
  /** What it is compared with: the lane of the same minutes, or its last window where it has no users. */
  readonly stable: LaneWindow;
  readonly percent: number;
}

/** The row's verdict on each kind of queries; of one that hardly comes it has none, and says so. */
export function judgeKinds(
  plan: Plan,
  row: GateRow & { readonly metric: KindMetric },
  lanes: Lanes,
  z: number,
): RowVerdict[] {
  return KINDS_OF[row.metric].map((kind) => ({ ...judgeKind(plan, row, kind, lanes, z), kind }));
}

function judgeKind(
  plan: Plan,
  row: GateRow & { readonly metric: KindMetric },
  kind: string,
  { candidate, stable, percent }: Lanes,
  z: number,
): RowVerdict {
  const name = `${row.metric} of ${kind} queries`;
  const verdict = (reading: Parameters<typeof notMeasured>[1]) => notMeasured(row, reading, name);
  const [here, there] = [candidate, stable].map((lane) => strataOf(row.metric, lane.kinds[kind]));
  const both = alikeLatencies(here ?? {}, there ?? {});
  const measured = counted(here);
  // Stable's window at 100 % is of another time: what came then says nothing of what comes now.
  const [came, all] = [candidate, ...(percent < 100 ? [stable] : [])]
    .map((lane) => [cameOf(row.metric, lane.kinds[kind]), lane.errors.n] as const)
    .reduce(([n, of], [more, ofAll]) => [n + more, of + ofAll], [0, 0] as const);
  if (came === 0) return verdict(notApplicableReading(`none in this window`));
  if (measured < row.minSamples && came < HARDLY_ANY * all)
    return verdict(notApplicableReading(`${came} of ${all} queries, which are hardly any`));
  if (measured === 0)
    return verdict(absent(`${came} came in this window, and the candidate answered none of them`));
  if (total(both.stable) === 0) return verdict(absent('stable has none to compare with'));
  return judgeHistograms(plan, row, { ...both, live: percent < 100 ? both.stable : null, percent, name }, z);
}

function counted(strata: Strata<Histogram> | undefined): number {
  return total(Object.values(strata ?? {}).reduce(plus, EMPTY));
}

/** How many queries had what is measured; those that failed had not, and are among the errors. */
function cameOf(metric: KindMetric, kind: KindWindow | undefined): number {
  if (kind === undefined) return 0;
  return metric === 'encodeP95' ? total(kind.encode) : kind.errors.n;
}
