import type { TrialSummary } from './choose-nprobe.ts';
import { formatTrialIntervals } from './describe-choice.ts';
import type { NprobeTuningResult, TuningRequest } from './input.ts';

/** Answer of the query `status` of a tuning. */
export interface TuningStatus {
  /** What is under way, or the outcome. */
  readonly state: string;
  readonly lane: TuningRequest['lane'];
  /** Null until the lane was looked at. */
  readonly release: string | null;
  /** The lane's own, before any change. */
  readonly nprobe: number | null;
  readonly priority: TuningRequest['priority'];
  readonly targetMs: number;
  readonly trials: readonly TrialSummary[];
  readonly chosen: number | null;
  readonly reason: string;
  /** All numbers of the sweep. */
  readonly file: string | null;
  readonly outcome: NprobeTuningResult['outcome'] | null;
}

/** A tuning that has not done anything yet. */
export function newTuning({ lane, priority, targetMs }: TuningRequest): TuningStatus {
  return {
    state: 'looking',
    lane,
    release: null,
    nprobe: null,
    priority,
    targetMs,
    trials: [],
    chosen: null,
    reason: 'starting',
    file: null,
    outcome: null,
  };
}

/** The status as markdown, for the web UI's current details. */
export function tuningMarkdown(status: TuningStatus): string {
  return [
    `### nprobe of ${status.lane} ${status.release ?? ''}: ${status.state}`,
    status.reason,
    '',
    ...status.trials.map(
      (trial) => `- ${formatTrialIntervals(trial)}${trial.nprobe === status.chosen ? ' **chosen**' : ''}`,
    ),
    '',
    'Signal: `rollback`; needs no input.',
  ].join('\n');
}
