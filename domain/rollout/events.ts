import type { ControlView } from '../control/state.ts';
import type { NprobeTuningResult } from '../tuning/input.ts';
import type { Message } from './operator-message.ts';
import type { SnapshotResult } from '../metrics/snapshot.ts';
import type { EvaluationResult } from '../core/evaluation-result.ts';
import type { RollbackVerification } from '../core/rollback-verification.ts';
import type { ChangeResult } from '../control/change-result.ts';
import type { PreflightReport } from '../preflight/report.ts';
import type { GuardEvent } from '../guard/state.ts';

/** What has happened. */
export type RolloutEvent =
  | { readonly kind: 'preflight'; readonly report: PreflightReport }
  | { readonly kind: 'fenced'; readonly epoch: number; readonly interventions: number }
  | { readonly kind: 'loaded'; readonly ready: boolean; readonly reason: string }
  | { readonly kind: 'snapshot'; readonly result: SnapshotResult }
  | { readonly kind: 'evaluated'; readonly result: EvaluationResult }
  | { readonly kind: 'changed'; readonly result: ChangeResult }
  | { readonly kind: 'looked'; readonly view: ControlView }
  /** The gateway was asked what is in force, since it may not be what the rollout knows. */
  | { readonly kind: 'compared'; readonly view: ControlView }
  | { readonly kind: 'tuned'; readonly result: NprobeTuningResult }
  /** A raise, a step or a promotion was left without its answer: what became of it, or that it never will be carried out. */
  | { readonly kind: 'settled'; readonly result: ChangeResult }
  | { readonly kind: 'time' }
  | {
      readonly kind: 'rolledBack';
      readonly verification: RollbackVerification | null;
      /** From the trigger to users on the old release. */
      readonly safeAfterMs: number;
      /** The counters once users were back; absent where they never left. */
      readonly last?: SnapshotResult;
    }
  | { readonly kind: 'superseded'; readonly reason: string }
  /** The action goes on failing, and is tried on. */
  | { readonly kind: 'late'; readonly what: string; readonly reason: string }
  /** A person was asked so long ago, and is asked again. */
  | { readonly kind: 'remind' }
  /** The action cannot be done, and trying it again would not help. */
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'guard'; readonly event: GuardEvent }
  | { readonly kind: 'cancelled' };
