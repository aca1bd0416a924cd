import type { EvaluationsResult } from './evaluations.ts';
import type { AlertRule } from './rules.ts';
import type { AlertReading } from './threshold.ts';
import { few, fewSamples, unseen, valueReading } from './threshold.ts';
import type { Flags } from '../control/state.ts';
import { SILENT_LANE } from './lane-gauges.ts';
import type { MetricValue } from '../core/metric-value.ts';
import { metricValue } from '../core/metric-value.ts';
import type { LaneName } from '../control/traffic-split.ts';
import type { LaneCounters, Snapshot, SnapshotResult } from '../metrics/snapshot.ts';
import { quantileMs } from '../metrics/histogram.ts';
import type { BadShare, ShareMetric } from '../rules/bad-share.ts';
import { badShare, latenciesBetween, shareVerdict } from '../rules/bad-share.ts';
import type { CounterSample, LaneSample, OwnSample } from '../rules/counter-sample.ts';
import { isDown, openingOf } from '../rules/counter-sample.ts';

/** Which release a lane serves to users, and who changes that now. */
export interface ServingContext {
  readonly stable: string;
  readonly candidate: string | null;
  /** The rollout that holds the epoch; null where a rollback, a hand or nobody does. */
  readonly run: { readonly workflowId: string; readonly runId: string } | null;
  /** Effective; null where the lane does not run. */
  readonly flags: Readonly<Record<LaneName, Flags | null>>;
  /** Share of queries with a result above tau that the lane's release promises; null where that is not known. */
  readonly expectedShare: Readonly<Record<LaneName, number | null>>;
}

/** What the monitor sees at one moment. */
export interface AlertPoll {
  readonly snapshot: SnapshotResult;
  /** Null where the control listener did not answer. */
  readonly scene: ServingContext | null;
  readonly evaluations: EvaluationsResult;
}

/** As the guard: such a lane answers nobody, which is a breach and not missing data. */
const NOT_READY_MS = 30_000;
/** One answer in so many is looked at closely by its lane. */
const INSPECTED_EVERY = 100;

/** The lane's counters where it has users; at 0 % the candidate has none, at 100 % stable has none. */
export function laneWithUsers({ percent, lanes }: Snapshot, lane: LaneName): LaneCounters | null {
  const hasUsers = lane === 'stable' ? percent < 100 : percent > 0;
  return hasUsers ? lanes[lane] : null;
}

/** A lane over the look-back that ends with the newest sample, which is one of `now`. */
export function windowReading(
  rule: AlertRule,
  lane: LaneName,
  now: LaneCounters,
  samples: readonly CounterSample[],
  nowMs: number,
  scene: ServingContext | null = null,
): AlertReading {
  const opening = openingOf(rule.lookBackMs, lane, now.release, samples, nowMs);
  const failing =
    rule.metric === 'errorRate' && isDown(now, NOT_READY_MS) ? { verdict: 'fail' as const } : {};
  if (opening === null) return { ...unseen('no window yet: the counters have just begun'), ...failing };
  const answers = now.requests - now.errors - (opening.requests - opening.errors);
  const reranked = scene?.flags[lane]?.reranker === 'off' ? 0 : answers;
  switch (rule.metric) {
    case 'errorRate':
      return { ...shareReading(rule, rule.metric, opening, now, null, 0), ...failing };
    case 'retrievalP95':
    case 'endToEndP95':
      return shareReading(rule, rule.metric, opening, now, null, answers);
    case 'rerankP95':
      return shareReading(rule, rule.metric, opening, now, null, reranked);
    case 'qualityShortfall': {
      const expected = scene?.[lane] === now.release ? scene.expectedShare[lane] : null;
      return shareReading(rule, rule.metric, opening, now, expected, answers);
    }
    case 'rerankerAcceptance': {
      const n = now.rank1.total - opening.rank1.total;
      if (n < rule.minSamples) return fewSamples(rule, n, reranked);
      return valueReading(rule, (now.rank1.changed - opening.rank1.changed) / n, n);
    }
    case 'nearDuplicates':
      return duplicatesReading(rule, now.own, opening.own, answers / INSPECTED_EVERY);
    default:
      return few(`${rule.metric} is not read from counters`);
  }
}

/** A rule that allows a share of requests to be bad; so many samples of it should have come. */
function shareReading(
  rule: AlertRule,
  metric: ShareMetric,
  opening: LaneSample,
  now: LaneCounters,
  expectedShare: number | null,
  samples: number,
): AlertReading {
  const share = badShare(metric, rule.limit, opening, now, expectedShare);
  if (share === null) return unseen('what the release promises is not known');
  const { n } = share.count;
  if (n < rule.minSamples) return fewSamples(rule, n, samples);
  return {
    verdict: shareVerdict(share, rule.minSamples),
    measured: measuredOf(metric, share, expectedShare, opening, now),
  };
}

function duplicatesReading(
  rule: AlertRule,
  now: OwnSample | null,
  opening: OwnSample | null,
  expected: number,
): AlertReading {
  if (now === null || opening === null) return unseen(SILENT_LANE);
  if (now.startSeconds !== opening.startSeconds) return unseen('the lane was restarted');
  const n = now.inspected - opening.inspected;
  if (n < rule.minSamples) return fewSamples(rule, n, expected);
  return valueReading(rule, (now.duplicateShares - opening.duplicateShares) / n, n);
}

/** The metric's own value: of a P95 the latency, of a shortfall what is missing from the promise. */
function measuredOf(
  metric: ShareMetric,
  { count: { hits, n } }: BadShare,
  expectedShare: number | null,
  opening: LaneSample,
  now: LaneCounters,
): MetricValue {
  switch (metric) {
    case 'errorRate':
      return metricValue(hits / n, n, metric);
    case 'qualityShortfall':
      return metricValue((expectedShare ?? Number.NaN) - (n - hits) / n, n, metric);
    default:
      return metricValue(quantileMs(latenciesBetween(metric, opening, now), 0.95) ?? Number.NaN, n, 'P95');
  }
}
