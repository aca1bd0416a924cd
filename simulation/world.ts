import type { ChangeResult } from '../domain/control/change-result.ts';
import type { ControlView } from '../domain/control/state.ts';
import type { EvaluationResult } from '../domain/core/evaluation-result.ts';
import type { SnapshotResult } from '../domain/metrics/snapshot.ts';
import type { PreflightReport } from '../domain/preflight/report.ts';
import type { KeyedChange } from '../domain/rollout/next-action.ts';
import type { NprobeTuningResult } from '../domain/tuning/input.ts';

/** An answer that comes after so long; or a call that has failed by then, and may be tried again. */
export type Answer<T> =
  { readonly afterMs: number; readonly result: T } | { readonly afterMs: number; readonly failed: string };

/** What an outside program implements. Each method answers for the time of the last `advance`. */
export interface World {
  readonly candidate: string;
  /** Users are served until this time. */
  advance(nowMs: number): void;
  preflight(): PreflightReport;
  /** Counters of the gateway, of both lanes and of the shadow; or why they cannot be read. */
  snapshot(): SnapshotResult;
  /** The gateway's control state with its epoch; null where the control listener does not answer. */
  control(): ControlView | null;
  evaluate(name: string): Answer<EvaluationResult>;
  /** A change of percent, flags or lanes. It is in force when the answer comes, at the latest; the same key changes nothing more. */
  change(asked: KeyedChange): Answer<ChangeResult>;
  /** What became of the change with this key, which from now on is never carried out if it was not yet. */
  settle(key: string): ChangeResult;
  tune(): Answer<NprobeTuningResult>;
}
