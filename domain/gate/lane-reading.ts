import type { LaneOwn } from '../metrics/lane-self-metrics.ts';
import { measured } from '../core/metric-value.ts';
import type { Metric } from '../metrics/registry.ts';
import type { GateRow } from '../plan/plan.ts';
import type { Reading } from './reading.ts';
import { absent, notApplicableReading, shareReading } from './reading.ts';
import type { LaneWindow } from '../metrics/window.ts';

/** Metrics that a lane measures of itself. */
export type LaneMetric = Extract<
  Metric,
  'nearDuplicates' | 'cacheMisses' | 'memoryGrowth' | 'listImbalance' | 'corpusGrowth'
>;

/** A metric that the candidate's lane measures of itself; missing where the lane was down, or restarted in the window. */
export function laneReading(
  row: GateRow & { readonly metric: LaneMetric },
  candidate: LaneWindow,
  stable: LaneWindow | null,
  z: number,
): Reading {
  const { own } = candidate;
  if (own.kind === 'missing') return absent(own.reason);
  const { before, after } = own;
  switch (row.metric) {
    case 'nearDuplicates':
      return duplicatesReading(before, after, z);
    case 'cacheMisses':
      return cacheReading(row, before, after, stable, z);
    case 'memoryGrowth':
      return memoryReading(after);
    case 'listImbalance':
      return imbalanceReading(after);
    case 'corpusGrowth':
      return growthReading(after);
    default:
      return row.metric satisfies never;
  }
}

/**
 * Mean share of the top 50 that nearly repeat a better result. The results of one answer are not independent, the
 * answers are: the interval is that of a mean over answers.
 */
function duplicatesReading(before: LaneOwn, after: LaneOwn, z: number): Reading {
  const n = after.inspected - before.inspected;
  if (n <= 0) return absent('no answer was looked at closely');
  const mean = (after.duplicateShares - before.duplicateShares) / n;
  const squares = after.duplicateShareSquares - before.duplicateShareSquares;
  const variance = n > 1 ? Math.max(0, squares - n * mean ** 2) / (n - 1) : 0;
  const half = z * Math.sqrt(variance / n);
  return {
    measured: measured(mean, n),
    // One answer alone has no spread: it proves nothing.
    interval: n > 1 ? { low: mean - half, high: mean + half } : { low: 0, high: 1 },
    says: `${percent(mean)} of the top 50 nearly repeat a better one, in ${n} answers`,
  };
}

function cacheReading(
  { against }: GateRow,
  before: LaneOwn,
  after: LaneOwn,
  stable: LaneWindow | null,
  z: number,
): Reading {
  const misses = missesOf(before, after);
  if (misses.n === 0) return notApplicableReading('no texts were encoded');
  if (against === 'limit' || stable === null) return said(shareReading(misses, null, z, 'misses'));
  if (stable.own.kind === 'missing') return absent(`stable: ${stable.own.reason}`);
  return said(shareReading(misses, missesOf(stable.own.before, stable.own.after), z, 'misses'));
}

function said(reading: Reading): Reading {
  return { ...reading, says: `the cache missed ${reading.says}` };
}

function missesOf(before: LaneOwn, after: LaneOwn): { hits: number; n: number } {
  const missed = after.textsEncoded - before.textsEncoded;
  return { hits: missed, n: missed + after.textsCached - before.textsCached };
}

function memoryReading({ memoryBytes, memoryBaselineBytes: baseline }: LaneOwn): Reading {
  if (baseline === null)
    return notApplicableReading('the baseline is taken 15 minutes after the lane was ready');
  const mb = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(0)} MB`;
  const growth = memoryBytes / baseline - 1;
  return exact(
    growth,
    `${mb(memoryBytes)}, ${mb(baseline)} 15 minutes after the lane was ready (${signed(growth)})`,
  );
}

function imbalanceReading({ imbalance, imbalanceBuilt }: LaneOwn): Reading {
  if (imbalance === null || imbalanceBuilt === null || imbalanceBuilt === 0)
    return notApplicableReading('the index has no lists');
  return exact(
    imbalance / imbalanceBuilt,
    `imbalance factor ${imbalance.toFixed(2)}, ${imbalanceBuilt.toFixed(2)} as the release was built`,
  );
}

function growthReading({ rows, rowsBuilt }: LaneOwn): Reading {
  if (rowsBuilt === 0) return absent('the release was built without rows');
  const growth = rows / rowsBuilt - 1;
  return exact(growth, `${rows} rows, ${rowsBuilt} as the release was built (${signed(growth)})`);
}

/** What a person, or a workflow, could do where a metric is beyond its limit; null where nothing is proposed. */
export function proposal(metric: Metric, candidate: LaneWindow): string | null {
  switch (metric) {
    case 'memoryGrowth':
      return 'restart the lane, drained: kill -TERM its pid, which GET /control names';
    case 'listImbalance':
      return 'train the lists anew: weeklyMaintenance builds such a release';
    case 'corpusGrowth': {
      const rows = candidate.own.kind === 'window' ? candidate.own.after.rows : null;
      return `rebuild the index${rows === null ? '' : ` with about ${Math.round(Math.sqrt(rows))} lists`}: weeklyMaintenance builds such a release`;
    }
    default:
      return null;
  }
}

/** Read off, not sampled. */
function exact(value: number, says: string): Reading {
  return { measured: measured(value, 1), interval: { low: value, high: value }, says };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

function signed(share: number): string {
  return `${share < 0 ? '' : '+'}${(share * 100).toFixed(1)} %`;
}
