import type { Estimate } from './estimate.ts';
import type { Question } from './evidence.ts';
import type { PowerModel } from './power-model.ts';
import type { LaneWindow } from './window.ts';

/**
 * What a limit is written in: a share of something, points (hundredths of a share that something fell), a latency, a multiple, or
 * 1 - p of a test.
 */
export type Unit = 'share' | 'points' | 'ms' | 'ratio' | 'p';

/** The margins that a stage's plan has. */
export type MarginName = 'errorRate' | 'slow' | 'qualityShortfall';

/** A metric of a window that gates judge. All that is known of it stands in its entry; nothing else asks for its name. */
export interface MetricDefinition {
  readonly unit: Unit;
  /** On which side of its limit it is bad: each is stated so that more of it is worse, and a limit is the most that may be. */
  readonly worse: 'over';
  /** What the gateway counts, what the candidate's lane says of itself, queries asked of both lanes, or the labelled evaluation. */
  readonly source: 'snapshot' | 'lane' | 'shadow' | 'evaluation';
  /** Of the plan's margins the one for this metric; null where a pass has to be proven to the limit itself. */
  readonly margin: MarginName | null;
  /**
   * Whether its limits are wider where no users of stable are left to compare with: a spike that hits both lanes is then seen on one.
   * Not of what a release promises, which holds at any time.
   */
  readonly needsControl: boolean;
  /** Whether it can be compared with stable alone, for lack of a limit in the runbook. */
  readonly againstStableOnly: boolean;
  /** Whether it has a verdict for each kind of queries. */
  readonly byKind: boolean;
  /** Whether a first verdict against the candidate on this alone is looked at again: counts of one window may be a spike. */
  readonly confirmed: boolean;
  /** The metric in a window, with what each of the row's limits is held against; by kind of queries one for each. */
  readonly estimate: (question: Question) => Estimate | readonly Estimate[];
  /**
   * What the row asks of the traffic, for planning; null where traffic does not answer it. `samples`: all that is known before is
   * whether it gets enough of them.
   */
  readonly power: PowerModel | 'samples' | null;
  /** The share of all judged requests that become samples, 0..1, at a candidate's percent and the percent that is shadowed. */
  readonly sampledShare: (percent: number, shadowPercent: number) => number;
  /** What a person, or a workflow, could do where it is beyond its limit; null where nothing is proposed. */
  readonly remedy: ((candidate: LaneWindow) => string) | null;
}

/** What most metrics have in common. */
export const PLAIN = {
  worse: 'over',
  source: 'snapshot',
  margin: null,
  needsControl: false,
  againstStableOnly: false,
  byKind: false,
  confirmed: false,
  power: null,
  sampledShare: (percent: number) => percent / 100,
  remedy: null,
} as const satisfies Partial<MetricDefinition>;
