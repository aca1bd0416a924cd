import { workflowInfo } from '@temporalio/workflow';
import type { LoadedPlan } from '../../domain/contracts/rollout-activities.ts';
import type { DecisionRecord } from '../../domain/rollout/decision-record.ts';
import type { GuardProgress } from '../../domain/guard/reports.ts';
import type { Packed } from '../../domain/core/packed.ts';
import type { DriverState } from '../../domain/rollout/driver.ts';

/**
 * What one run of a rollout leaves to the next, of the same workflow id: a history has a limit (51,200 events or 50 MB at a
 * server's defaults), and a rollout that is held has none.
 */
export interface CarriedRollout {
  readonly driver: DriverState;
  readonly loaded: LoadedPlan;
  readonly decisions: CarriedDecisions;
  readonly guard: CarriedGuard;
}

export interface CarriedDecisions {
  readonly number: number;
  /** Those that could not be written. */
  readonly waiting: readonly DecisionRecord[];
}

export interface CarriedGuard {
  /** Null where there is none, or it did not answer. */
  readonly progress: Packed<GuardProgress> | null;
  /** Keys of reports that were taken up. */
  readonly taken: readonly string[];
}

/** A run is far from the server's limits, and quick to replay after a worker's death. */
const EVENTS = 4_000;
const BYTES = 3_000_000;

/** Whether this run's history is long enough: the next one begins at a quiet moment. */
export function isLong(): boolean {
  const { historyLength, historySize, continueAsNewSuggested } = workflowInfo();
  return continueAsNewSuggested || historyLength > EVENTS || historySize > BYTES;
}
