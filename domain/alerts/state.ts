import type { ServingContext } from './readings.ts';
import type { CounterSample } from '../rules/counter-sample.ts';
import type { AlertMetric, Severity } from './rules.ts';
import type { MetricValue } from '../core/metric-value.ts';
import type { SeenClocks } from '../metrics/source-clock.ts';
import type { LaneName } from '../control/traffic-split.ts';
import type { RuleSeries } from '../rules/series.ts';
import type { TuningWatch } from './tuning-windows.ts';

/** What fires now, or did until a moment ago. */
export interface Alert {
  /** Of the rule, or one of those that say that nothing can be said. */
  readonly name: string;
  readonly severity: Severity;
  /** Null where it is about no lane. */
  readonly metric: AlertMetric | null;
  readonly lane: LaneName | null;
  readonly release: string | null;
  /** The rollout that was under way when it fired. */
  readonly run: ServingContext['run'];
  readonly sinceMs: number;
  readonly measured: MetricValue;
  /** The reason in words, of a metric that has more than one. */
  readonly why: string | null;
  /** When the last message was sent; null while a more severe alert of the same metric and lane fires. */
  readonly notifiedMs: number | null;
  /** When the evaluation was made that it is about now; null where it is about none. */
  readonly evaluationMs: number | null;
  /** And the one that the last message was about. */
  readonly notifiedEvaluationMs: number | null;
}

export interface AlertEvent {
  /**
   * `repeated`: the next evaluation says the same. `stale`: what it was about is no more, such as a candidate that was
   * taken back.
   */
  readonly kind: 'fired' | 'repeated' | 'reminder' | 'resolved' | 'stale';
  /** Rule and lane. */
  readonly key: string;
  readonly alert: Alert;
}

/** What a rule remembers of a lane. */
export interface RuleHistory extends RuleSeries {
  /** Of which all of it is. */
  readonly release: string;
  readonly measured: MetricValue;
  readonly atMs: number;
  /** When the rule's input was last there, or the watch began. */
  readonly seenMs: number;
}

export type ReadSource = 'gateway' | `counters of ${LaneName}`;

/** Plain JSON: it travels through heartbeats and from one run to the next. */
export interface AlertState {
  readonly startedMs: number;
  /** Of the newest poll; null before the first. */
  readonly polledMs: number | null;
  /** When metrics were last there. */
  readonly lastSeenMs: number;
  /** Clocks of whatever was read: of the gateway, and of the lanes through it. */
  readonly clocks: Readonly<Record<ReadSource, SeenClocks | null>>;
  /** When the control listener last said who serves what. */
  readonly sceneMs: number;
  readonly scene: ServingContext | null;
  /** As far back as the longest look-back, oldest first. */
  readonly samples: readonly CounterSample[];
  readonly watches: Readonly<Record<string, RuleHistory>>;
  /** What tuning looks at, by lane. */
  readonly tuning: Readonly<Record<LaneName, TuningWatch | null>>;
  readonly firing: Readonly<Record<string, Alert>>;
}

/** The event that an alert is over, with the last value; none where nobody heard that it began. */
export function endOf(
  kind: 'resolved' | 'stale',
  key: string,
  alert: Alert | null,
  watch: RuleHistory | null,
): readonly AlertEvent[] {
  if (alert === null || alert.notifiedMs === null) return [];
  return [{ kind, key, alert: { ...alert, measured: watch?.measured ?? alert.measured } }];
}

const NO_CLOCKS: AlertState['clocks'] = {
  gateway: null,
  'counters of stable': null,
  'counters of candidate': null,
};

/** A monitor that begins now. */
export function newAlerts(nowMs: number): AlertState {
  return {
    startedMs: nowMs,
    polledMs: null,
    lastSeenMs: nowMs,
    clocks: NO_CLOCKS,
    sceneMs: nowMs,
    scene: null,
    samples: [],
    watches: {},
    tuning: { stable: null, candidate: null },
    firing: {},
  };
}
