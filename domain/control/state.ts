import type { LaneName } from './traffic-split.ts';

/** What can be switched in a lane without a restart (flags RETRIEVER_IMPL, RERANKER, FAISS_NPROBE). */
export interface Flags {
  readonly impl: 'amn_v0' | 'gru_v0';
  readonly reranker: 'on' | 'off';
  readonly nprobe: number;
}

/** One release with the flags it is served under. `flags: null` means the defaults of the release's manifest. */
export interface LaneSpec {
  readonly release: string;
  readonly flags: Flags | null;
}

/** Lanes a gateway may run. `previous` is the old stable, kept warm; `spare` is for dry runs and cold rollbacks. */
export type AnyLane = LaneName | 'previous' | 'spare';

/**
 * What the gateway keeps on disk (atomically, fsynced before the answer): the traffic and who may change it.
 * Pure data; what changes it is `applyCommand` in apply-command.ts.
 */
export interface ControlState {
  /** The fence: only the holder of the newest epoch may change traffic. */
  readonly epoch: number;
  /** Who took the epoch, e.g. `rollout/retriever/<first execution's run id>`; the operator's changes by hand have no epoch. */
  readonly owner: string;
  /** Idempotency key of the call that took the epoch. */
  readonly epochKey: string;
  /** Steps of this epoch that were carried out (newest last, bounded): a repeated step changes nothing more. */
  readonly steps: readonly string[];
  /** Rollbacks that were carried out (newest last, bounded), over all epochs: a repeated key changes nothing more. */
  readonly rollbacks: readonly DoneRollback[];
  /** Share of users on the candidate, 0..100. */
  readonly percent: number;
  /** Hash by which users are split: that of the gateway that began this split, whatever a later one prefers. */
  readonly splitVersion: number;
  /** Share of all queries, 0..100, that are asked of the other lane as well, after their user was answered. */
  readonly shadowPercent: number;
  readonly lanes: {
    readonly stable: LaneSpec;
    readonly candidate: LaneSpec | null;
    readonly previous: (LaneSpec & { readonly untilMs: number }) | null;
    readonly spare: LaneSpec | null;
  };
  /** The intent to make the candidate stable is on disk; a restart finishes it. `untilMs` is how long the old stable stays warm. */
  readonly promoting: { readonly untilMs: number } | null;
  /** `restoring`: a rollback to a release that was not warm; it becomes stable as soon as the spare lane is ready. */
  readonly restoring: string | null;
  readonly lease: { readonly expiresAtMs: number; readonly onExpiry: 'zero' | 'keep' } | null;
  /**
   * When the epoch's holder last gave a sign of life: took it, changed something, or called `POST /control/lease`. The moment
   * at which the candidate got its users, if that is later; null before either. At 100 % nothing else says that somebody watches.
   */
  readonly holderSeenMs: number | null;
  /** Some of stable's users are served without reranker, to see what it is worth. Ends with its holder's epoch. */
  readonly experiment: Experiment | null;
  /**
   * Counts what changed traffic without the epoch's holder: a hand, the lease's end, the kill switch.
   * A raise must name the count it knows, else it is refused: never a silent raise.
   */
  readonly interventions: number;
  readonly lastIntervention: Intervention | null;
  readonly changedAtMs: number;
  readonly changedBy: string;
}

/** A rollback that was carried out: the release that users were taken back to, and the epoch that it took. */
interface DoneRollback {
  readonly key: string;
  readonly to: string;
  readonly epoch: number;
}

interface Experiment {
  /** Salt of the arms, and label of their metrics. */
  readonly name: string;
  /** Share of stable's users without reranker, 0..100; all others are served with it. */
  readonly offPercent: number;
  /** Ends by then in any case: nobody may be left to end it. */
  readonly untilMs: number;
}

export interface Intervention {
  readonly kind: 'byHand' | 'leaseLost' | 'killSwitch';
  readonly by: string;
  readonly atMs: number;
  /** What it did, as a sentence. */
  readonly what: string;
  /** Percent before it. */
  readonly percentBefore: number;
}

/** Body of `POST /control/epoch`: compare-and-set on (owner, epoch); idempotent by `key`. */
export interface TakeEpoch {
  readonly owner: string;
  /** `<workflowId>/<runId>/<step>`: a repeated call answers with the epoch of the first. */
  readonly key: string;
  /** What the caller saw last. */
  readonly expected: { readonly owner: string; readonly epoch: number };
  /**
   * Of a rollback by flags or by the Deployment: the epoch is taken even where it cannot be written. A restart forgets it
   * then, and may hand out its number again; so it is for a caller that never raises.
   */
  readonly unsaved?: 'accepted';
}

/**
 * Body of `POST /control/lease`: a sign of life of the holder, and renews the lease where there is one. A lost lease does not
 * come back by it; at 100 % there is none.
 */
export interface RenewLease {
  readonly epoch: number;
  readonly ttlMs: number;
}

export type Refusal =
  | { readonly kind: 'staleEpoch'; readonly reason: string; readonly epoch: number; readonly owner: string }
  | { readonly kind: 'intervened'; readonly reason: string; readonly intervention: Intervention | null }
  | { readonly kind: 'invalid'; readonly reason: string };

/** Live view of one lane in `GET /control` and `GET /health`. */
export interface LaneStatus {
  readonly release: string;
  /** Effective flags. */
  readonly flags: Flags;
  readonly state: 'starting' | 'ready' | 'down' | 'refused';
  /** Base URL of the lane's own HTTP server, for diagnosis; null while it starts. */
  readonly url: string | null;
  readonly pid: number | null;
  readonly restarts: number;
  readonly notReadySinceMs: number | null;
  readonly breaker: 'closed' | 'open';
  /** Why it is down or refused: the lane's own words, with the file's name. */
  readonly failure: string | null;
}

/** Answer of `GET /control`, and of every accepted change. */
export interface ControlView {
  readonly state: ControlState;
  readonly lanes: { readonly [lane in AnyLane]: LaneStatus | null };
  readonly nowMs: number;
  /** True while CANARY_PERCENT=0 is set in the gateway's environment: every raise is refused. */
  readonly killSwitch: boolean;
}
