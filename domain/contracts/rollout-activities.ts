import type { AnyLane, ControlView, TakeEpoch } from '../control/state.ts';
import type { ControlChange, Rollback, RolledBack } from '../control/change.ts';
import type { DecisionRecord } from '../rollout/decision-record.ts';
import type { Plan } from '../plan/plan.ts';
import type { Postmortem } from '../incident/postmortem.ts';
import type { SnapshotResult } from '../metrics/snapshot.ts';
import type { EvaluationResult } from '../core/evaluation-result.ts';
import type { RollbackVerification } from '../core/rollback-verification.ts';
import type { ChangeResult } from '../control/change-result.ts';
import type { PreflightReport } from '../preflight/report.ts';
import type { Notification } from '../notification/notification.ts';

/**
 * What the workflows ask of the world: one interface for both sides, so that no workflow sees an activity's file.
 * Every answer is plain JSON. An activity throws `ApplicationFailure.nonRetryable` for what no retry can mend
 * (wrong input), anything else is retried by Temporal; a refusal by the fence is an answer, not an error.
 */
export interface RolloutActivities {
  /** Reads, validates and digests plans/<name>.yaml. Non-retryable failure that names every problem. */
  loadPlan(input: { readonly plan: string }): Promise<LoadedPlan>;
  /** Every pre-flight check, each with a verdict and a reason; heartbeats which one is under way. */
  preflight(input: PreflightInput): Promise<PreflightReport>;
  control(): Promise<ControlView>;
  /**
   * The fence's epoch. With `expected` only if it is still that one: a copy of this call that comes late takes nothing back
   * from who took it meanwhile, and `lostTo` says who that is. Without it the epoch is taken from whoever has it.
   */
  takeEpoch(input: {
    readonly owner: string;
    readonly key: string;
    readonly expected?: TakeEpoch['expected'];
    /** Whose users are to be moved: non-retryable failure where this worker serves another. Absent: whoever it serves. */
    readonly service?: string;
  }): Promise<{ epoch: number; view: ControlView; lostTo?: string }>;
  changeTraffic(change: ControlChange): Promise<ChangeResult>;
  /** Users back to a release, with the next epoch; `service` as in `takeEpoch`. Non-retryable failure where there is no such release. */
  rollBackTraffic(rollback: Rollback & { readonly service?: string }): Promise<RolledBack>;
  /** Waits (heartbeating) until the lane serves that release; `ready: false` with the lane's own words if it is refused or late. */
  awaitLane(input: {
    readonly lane: AnyLane;
    readonly release: string;
    readonly withinMs: number;
  }): Promise<LaneReady>;
  snapshot(): Promise<SnapshotResult>;
  /** Labelled evaluation of a live lane over HTTP, with its effective flags; heartbeats progress. */
  evaluate(input: EvaluateInput): Promise<EvaluationResult>;
  /** Writes stable's window before T0 to artifacts/eval/baseline_metrics.json (`missing` where there was no traffic). */
  recordBaseline(input: BaselineInput): Promise<void>;
  /** Writes decisions to artifacts/decisions/<candidate>.jsonl; a record that is there already is not written again. */
  record(input: { readonly candidate: string; readonly records: readonly DecisionRecord[] }): Promise<void>;
  /** Probe ids, /health version and the percent after a rollback. Retries by itself until the lane answers or time is up. */
  verifyRollback(input: {
    readonly release: string;
    readonly withinMs: number;
  }): Promise<RollbackVerification>;
  /** Writes the draft of a post-mortem; one for each run, and never over a file that is there. */
  writePostmortem(input: Postmortem): Promise<{ readonly file: string }>;
  /** Pages a person: log, and webhook where one is configured. Says where it went, in words without secrets. */
  notify(input: Notification): Promise<{ readonly to: string }>;
}

export interface LoadedPlan {
  readonly plan: Plan;
  /** sha256 of the file's bytes, hex. */
  readonly digest: string;
  /** Whether the namespace knows our search attributes: setting an unknown one would stop the workflow. */
  readonly searchAttributes: boolean;
}

export interface PreflightInput {
  readonly service: string;
  readonly candidate: string;
  readonly plan: Plan;
}

export interface LaneReady {
  readonly ready: boolean;
  readonly reason: string;
}

export interface EvaluateInput {
  readonly lane: AnyLane;
  readonly release: string;
  /** Where the JSON goes, e.g. `nightly_20261123` or `post_rollout_retriever_v0`. */
  readonly name: string;
  /** At most so many labelled queries; the whole set where absent. */
  readonly maxQueries?: number;
}

export interface BaselineInput {
  readonly release: string;
  readonly opening: SnapshotResult;
  readonly closing: SnapshotResult;
}
