import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import { permanentReason } from '../runtime/activities.ts';
import { alertWhenOverdue } from '../runtime/overdue-alert.ts';
import type { RollbackVerification } from '../../domain/core/rollback-verification.ts';

/** Time for a lane that has to be loaded first, and for its probes. */
const VERIFY_WITHIN_MS = 120_000;

export interface Safe {
  readonly kind: 'safe';
  readonly verification: RollbackVerification;
  readonly safeAfterMs: number;
}

export type RollbackAttempt =
  | Safe
  | { readonly kind: 'superseded'; readonly reason: string }
  | { readonly kind: 'impossible'; readonly reason: string };

/** Who takes users back, and why; `key` makes each of its steps happen once. */
export interface Run {
  readonly owner: string;
  /** Whose users; absent where that is known to be the worker's. */
  readonly service?: string;
  readonly key: string;
  readonly by: string;
  readonly reason: string;
  /** Hears, again and again, that users are not back yet. */
  late(reason: string): void;
  /** What the last attempts of a call failed with; null where none has. */
  cause(): string | null;
}

/** Changes traffic as `work` does, and says so where it does not get through. */
export function withOverdueAlert<T>(run: Run, work: () => Promise<T>, firstMin = 1): Promise<T> {
  const say = (waitedMin: number) => {
    const cause = run.cause();
    const why = cause === null ? '' : ` (${cause})`;
    run.late(`rollback: not carried out after ${waitedMin} min${why}; it is tried again and again`);
  };
  return alertWhenOverdue(work, say, firstMin);
}

/**
 * Users back to a release, with the next epoch in the same call, so that nothing in flight can raise the percent after it; then the
 * proof. `release` null means the one that users would miss: see `releaseBefore`. Where a process dies: docs/operations.md.
 */
export async function takeBack(
  calls: RolloutActivities,
  run: Run,
  release: string | null,
  triggeredMs: number,
): Promise<Safe> {
  const { owner, key, by, reason, service } = run;
  const rollback = { owner, key, by, reason, to: release, ...(service === undefined ? {} : { service }) };
  const { to } = await withOverdueAlert(run, () => calls.rollBackTraffic(rollback));
  const safeAfterMs = Date.now() - triggeredMs;
  return { kind: 'safe', verification: await verifyBack(calls, to), safeAfterMs };
}

/** The epoch as a rollback by flags or by the Deployment asks for it. */
export function epochOf({ owner, key, service }: Run): Parameters<RolloutActivities['takeEpoch']>[0] {
  return { owner, key, ...(service === undefined ? {} : { service }) };
}

/** Users are back: a proof that cannot be made changes nothing about that. */
export function verifyBack(
  { verifyRollback }: RolloutActivities,
  release: string,
): Promise<RollbackVerification> {
  return verifyRollback({ release, withinMs: VERIFY_WITHIN_MS }).catch((error: unknown) =>
    unproven(permanentReason(error)),
  );
}

function unproven(reason: string): RollbackVerification {
  return { verified: false, reason, probes: 0, matching: 0, version: null, metrics: null };
}
