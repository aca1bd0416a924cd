import type { EvaluationResult } from '../core/evaluation-result.ts';
import type { ExpectedQuality } from '../core/release-quality.ts';
import type { LaneWindow, Window } from './window.ts';

/** What a gate is judged on. `reference` is stable's last window at a percent below 100, for when it has no users. */
export interface Evidence {
  readonly window: Window;
  readonly reference: LaneWindow | null;
  readonly candidateQuality: ExpectedQuality | null;
  readonly stableQuality: ExpectedQuality | null;
  readonly evaluation: EvaluationResult | null;
  /** How often this window may be looked at in all. */
  readonly looks: number;
}

/** What a row of a plan asks of a metric. */
export interface Question {
  readonly evidence: Evidence;
  readonly compareTo: 'limit' | 'stable';
  readonly warnAbove: number | null;
  readonly failAbove: number | null;
  readonly minSamples: number;
  /** A P95's limit relative to stable lies at least so many ms above stable's. */
  readonly excessMs: number;
}

/** The lanes that a metric of them looks at. */
export interface Lanes {
  readonly candidate: LaneWindow;
  /** What a relative row compares with: the lane of the same minutes; where it has no users, its last window with users. */
  readonly stable: LaneWindow | null;
  /** Stable with users in the same minutes. */
  readonly live: LaneWindow | null;
}
