import type { Interval } from '../statistics/proportion.ts';

/** What an experiment may be decided by; the others are reported. */
export const EXPERIMENT_METRICS = ['mrr', 'rAt5', 'clickThrough'] as const;
export type ExperimentMetric = (typeof EXPERIMENT_METRICS)[number];

/** What an experiment is to find, and with what. */
export interface ExperimentDesign {
  readonly metric: ExperimentMetric;
  /** Least lift of the reranker that is worth having, as a share (0.03 = 3 points). */
  readonly detect: number;
  /** Share of the users without reranker, 0..100. */
  readonly offPercent: number;
  /** Units (feedback, or requests for click-through) after which it ends in any case. */
  readonly units: number;
}

/** Lift of the reranker (on − off) in one metric. */
export interface Effect {
  readonly metric: ExperimentMetric;
  /** Mean of each arm; null without units. */
  readonly on: number | null;
  readonly off: number | null;
  readonly lift: number | null;
  /** Holds at all looks together; null until both arms have 30 units. */
  readonly interval: Interval | null;
  readonly units: number;
}
