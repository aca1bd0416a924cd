import type { Flags, LaneSpec } from '../control/state.ts';
import type { TrialSummary } from '../tuning/choose-nprobe.ts';
import type { NprobePriority } from '../tuning/choose-nprobe.ts';
import type { NprobeTuningResult } from '../tuning/input.ts';
import type { LaneName } from '../control/traffic-split.ts';

/** What `nprobeTuning` asks of the world, beside what it shares with a rollout; see contract.ts for the rules. */
export interface TuningActivities {
  /** Sweeps a live lane, off its users' path; heartbeats progress, writes JSON and a plot under `name`. */
  sweepNprobe(input: SweepInput): Promise<SweepResult>;
  /** Takes the fence unless a workflow that still runs holds it; idempotent by `key`. */
  takeFreeEpoch(input: { readonly owner: string; readonly key: string }): Promise<FreeEpoch>;
  /** Who holds the fence, if that workflow still runs. */
  fenceHolder(): Promise<FenceHolder>;
  /** One line for one decision, appended to nprobe_tuning.md; once for each `key`. */
  recordTuning(input: TuningRecord): Promise<void>;
}

export interface SweepInput {
  readonly lane: LaneName;
  /** The release that the lane has to serve meanwhile. */
  readonly release: string;
  /** As the lane serves its users; nprobe is varied, and the reranker plays no part. */
  readonly flags: Flags;
  readonly nprobes: readonly number[];
  readonly priority: NprobePriority;
  readonly targetMs: number;
  /** Of the files, without ending, e.g. `nprobe_sweep_20261126_140300`. */
  readonly name: string;
}

export type SweepResult =
  | {
      readonly kind: 'swept';
      readonly trials: readonly TrialSummary[];
      readonly queries: number;
      /** The JSON with all numbers; the plot lies beside it. */
      readonly file: string;
    }
  | { readonly kind: 'missing'; readonly reason: string };

export type FenceHolder =
  { readonly kind: 'free' } | { readonly kind: 'held'; readonly workflowId: string; readonly epoch: number };

type FreeEpoch =
  { readonly kind: 'taken'; readonly epoch: number } | (FenceHolder & { readonly kind: 'held' });

export interface TuningRecord extends NprobeTuningResult {
  readonly key: string;
  readonly atMs: number;
  readonly service: string;
  readonly lane: LaneName;
  readonly release: LaneSpec['release'];
  readonly before: number;
  /** The trial of the nprobe that was chosen; null where none was. */
  readonly chosen: TrialSummary | null;
  readonly file: string | null;
}
