/**
 * Where a metric comes from: the gateway's counters at each poll, what a lane says of itself then, windows of five
 * minutes as tuning looks at them, or a release's newest evaluation.
 */
type Source = 'window' | 'gauge' | 'tuning' | 'evaluation';

interface MetricKind {
  readonly source: Source;
  /** What its limit is written in. */
  readonly unit: 'share' | 'points' | 'ms' | 'norm' | 'ratio';
  /** On which side of its limit it is bad. */
  readonly worse: 'over' | 'under';
}

/** What an alert rule may look at. Shares and points are 0..1, latencies in ms. */
export const ALERT_METRICS = {
  /** share of judged requests that the lane failed */
  errorRate: { source: 'window', unit: 'share', worse: 'over' },
  /** P95 of predict + search */
  retrievalP95: { source: 'window', unit: 'ms', worse: 'over' },
  /** P95 of retrieval + rerank */
  endToEndP95: { source: 'window', unit: 'ms', worse: 'over' },
  /** P95 of reranking */
  rerankP95: { source: 'window', unit: 'ms', worse: 'over' },
  /** how far the share of queries with a result of cosine >= tau falls short of what the release's metrics.json expects */
  qualityShortfall: { source: 'window', unit: 'points', worse: 'over' },
  /** mean share of the top 50 whose cosine with a better result is over 0.98, in the answers that the lane looked at */
  nearDuplicates: { source: 'window', unit: 'share', worse: 'over' },
  /** share of queries whose rank 1 the reranker changed */
  rerankerAcceptance: { source: 'window', unit: 'share', worse: 'under' },
  /** memory of the lane's process beyond what it was 15 minutes after the lane was ready, as a share of that */
  memoryGrowth: { source: 'gauge', unit: 'share', worse: 'over' },
  /** imbalance factor of the IVF lists, as a multiple of what it was when the release was built */
  listImbalance: { source: 'gauge', unit: 'ratio', worse: 'over' },
  /** rows beyond the manifest's, as a share of those */
  corpusGrowth: { source: 'gauge', unit: 'share', worse: 'over' },
  /** rows of the largest list of the index over those of the median one */
  listSpread: { source: 'gauge', unit: 'ratio', worse: 'over' },
  /** mean distance of encoded queries from unit norm */
  normError: { source: 'gauge', unit: 'norm', worse: 'over' },
  /** live recall@10 under an exact search for an hour, beyond the limit; or P95 of retrieval over 8 ms in three windows */
  nprobeNeed: { source: 'tuning', unit: 'points', worse: 'over' },
  /** R@5 that the release's metrics.json promises minus R@5 of its newest evaluation */
  rAt5Drop: { source: 'evaluation', unit: 'points', worse: 'over' },
  /** median R@5 of the nightly evaluations of the 7 days before minus R@5 of the newest one */
  rAt5UnderMedian: { source: 'evaluation', unit: 'points', worse: 'over' },
  /** share of queries whose right chunk is among the 50 */
  containAt50: { source: 'evaluation', unit: 'share', worse: 'under' },
  /** best Contain@50 of the release's evaluations of the 8 weeks before minus that of its newest one */
  containAt50Dip: { source: 'evaluation', unit: 'points', worse: 'over' },
  /** R@5 after reranking minus R@5 before it, in the newest evaluation */
  rerankLift: { source: 'evaluation', unit: 'points', worse: 'under' },
} as const satisfies Record<string, MetricKind>;
export type AlertMetric = keyof typeof ALERT_METRICS;

export const SEVERITIES = ['critical', 'warning', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What may be done about an alert; alert-response.ts says how. */
export const MITIGATIONS = [
  'nprobeTuning',
  'weeklyMaintenance',
  'rerankerExperiment',
  'rerankerOff',
  'largerNlist',
  'sameArticleWeight',
  'indexPerCollection',
  'restartLane',
  'diagnose',
] as const;
export type MitigationName = (typeof MITIGATIONS)[number];

export interface Mitigation {
  readonly do: MitigationName;
  /** `propose`: named in the message, with its command. `start`: begun as well. */
  readonly how: 'propose' | 'start';
}

/** One line of the alert table. */
export interface AlertRule {
  readonly name: string;
  readonly severity: Severity;
  readonly metric: AlertMetric;
  /** Beyond it, on the metric's worse side, a poll or an evaluation breaches. */
  readonly limit: number;
  /** How long it has to last; 0 for evaluations, each of which stands for itself, and for what has its own hour. */
  readonly forMs: number;
  /** Over how much time a poll looks back. */
  readonly lookBackMs: number;
  /** Fewer samples are no breach and no all-clear. */
  readonly minSamples: number;
  /** The message's first line, with places such as {value}. */
  readonly says: string;
  /** Where the runbook has it. */
  readonly runbook: string;
  /** The risk of the risk register whose symptom it is. */
  readonly risk: string | null;
  readonly mitigate: readonly Mitigation[];
}

export interface AlertRules {
  readonly name: string;
  readonly describes: string;
  readonly pollMs: number;
  /** How often an alert that lasts is repeated. */
  readonly reminderMs: number;
  /** What fired is over after so long without a breach. */
  readonly keepFiringForMs: number;
  /** No metrics, or nobody who says who serves what, for so long is an alert of its own. */
  readonly noTelemetry: { readonly afterMs: number; readonly severity: Severity };
  /**
   * No evaluation of the stable release that is younger, likewise; and no weekly maintenance, where `weeklyMaxAgeMs` says
   * that one is due.
   */
  readonly evaluations: {
    readonly maxAgeMs: number;
    readonly weeklyMaxAgeMs: number | null;
    readonly severity: Severity;
  };
  readonly rules: readonly AlertRule[];
}

/** Names of the alerts that say that nothing can be said. */
export const BLIND = 'blind';
export const NO_EVALUATION = 'no-evaluation';
export const NO_WEEKLY = 'no-weekly-maintenance';
/** Of a lane: rules whose input has not been there for their window. Without a lane: the control listener is silent. */
export const NOT_SEEN = 'not-seen';

const HOUR_MS = 3_600_000;

/** For how long a rule's input may be missing before that is an alert of its own. */
export function unseenAfterMs({ metric, forMs, lookBackMs }: AlertRule, { noTelemetry }: AlertRules): number {
  // Tuning looks at an hour.
  const windowMs = ALERT_METRICS[metric].source === 'tuning' ? HOUR_MS : Math.max(forMs, lookBackMs);
  return Math.max(windowMs, noTelemetry.afterMs);
}

/** Places that a message may have. */
export const PLACES = ['lane', 'release', 'value', 'limit', 'for', 'samples', 'beyond', 'why'] as const;
