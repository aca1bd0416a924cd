import type { GuardProgress } from '../guard/reports.ts';
import type { Packed } from '../core/packed.ts';
import type { Plan } from '../plan/plan.ts';
import type { ReleaseQuality } from '../core/release-quality.ts';

/** What a rollout's guard asks of the world; see contract.ts for the rules. */
export interface GuardActivities {
  /**
   * Watches until its workflow takes it back, or somebody else has the epoch: polls, renews the lease, and sends each event to the
   * rollout. Returns what it carries; that is in its heartbeats too, from which the attempt after a worker's death goes on.
   */
  watch(input: WatchInput): Promise<Packed<GuardProgress>>;
}

export interface WatchInput {
  /** Workflow and run that must still be alive for the lease to be renewed. */
  readonly workflowId: string;
  readonly runId: string;
  readonly epoch: number;
  readonly plan: Plan;
  readonly candidate: string;
  readonly stable: string;
  /** Interventions known so far: a higher count at the gateway is an event. */
  readonly interventions: number;
  readonly candidateQuality: ReleaseQuality | null;
  readonly stableQuality: ReleaseQuality | null;
  /** Null at the guard's start. */
  readonly carried: Packed<GuardProgress> | null;
}
