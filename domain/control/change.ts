import type { ControlView, Flags } from './state.ts';
import type { LaneName } from './traffic-split.ts';

/** The candidate's share of the users, and the shadow's share of all queries; what is absent stays as it is. */
export interface SetTraffic {
  readonly kind: 'setTraffic';
  /** 0..100. */
  readonly percent?: number;
  /** 0..100. Touches no user, so a hand may set it without being an intervention. */
  readonly shadowPercent?: number;
  /** For 0 < percent < 100, set by an epoch's holder alone. */
  readonly lease?: { readonly ttlMs: number; readonly onExpiry: 'zero' | 'keep' };
}

export interface SetFlags {
  readonly kind: 'setFlags';
  readonly lane: LaneName;
  readonly flags: Flags;
}

/** Loads a release in a lane, or ends the lane (null). A new candidate needs percent 0. */
export interface LoadLane {
  readonly kind: 'loadLane';
  readonly lane: 'candidate' | 'spare';
  readonly release: string | null;
}

/** Serves some of stable's users without reranker. Needs an epoch, and percent 0. */
export interface StartExperiment {
  readonly kind: 'startExperiment';
  readonly name: string;
  readonly offPercent: number;
  readonly forMs: number;
}

export interface EndExperiment {
  readonly kind: 'endExperiment';
}

/** Makes the candidate stable (needs percent 100); the old stable stays warm as `previous` for so long. */
export interface Promote {
  readonly kind: 'promote';
  readonly previousForMs: number;
}

export type TrafficCommand = SetTraffic | SetFlags | LoadLane | StartExperiment | EndExperiment | Promote;

/** By the holder of an epoch. */
interface ByHolder {
  readonly epoch: number;
  /** Idempotency key of this change within the epoch (workflow/run/step). */
  readonly step: string;
  /** Number of interventions that the caller knows of: needed for a raise, and holds for flags where it is given. */
  readonly interventions?: number;
}

/** By hand: it always wins, and counts as an intervention. */
interface ByHand {
  readonly epoch?: never;
  readonly step?: never;
  readonly interventions?: never;
}

/** Commands that are carried out in their order, all or none. A promotion stands alone; none at all uses the step up. */
export type ControlChange = {
  readonly by: string;
  readonly reason?: string;
  readonly commands: readonly Exclude<TrafficCommand, Promote>[] | readonly [Promote];
} & (ByHolder | ByHand);

/**
 * Body of `POST /control/rollback`: users back to a release, at once if it is stable or warm, else as soon as it is loaded. It takes
 * the next epoch with it, so that nothing in flight can raise the percent after it, and is never refused.
 */
export interface Rollback {
  /** Idempotency key: the same call again changes nothing more, also after others took the epoch. */
  readonly key: string;
  readonly by: string;
  readonly reason?: string;
  /** Null: the release that users would miss, see `releaseBefore`. */
  readonly to: string | null;
  /** The workflow that the epoch is for; absent: the rollback is by hand, and counts as an intervention. */
  readonly owner?: string;
}

/** What a rollback did, also where it was asked for before. */
export interface RolledBack {
  readonly to: string;
  readonly epoch: number;
  readonly view: ControlView;
}
