import type { ControlState } from '../control/state.ts';
import { asCode, rollbackCommand } from '../notification/commands.ts';
import type { Notification } from '../notification/notification.ts';

/** How long a holder may be unseen, and how often a person is reminded of it. */
export interface HolderLimits {
  readonly unseenMs: number;
  readonly repeatAfterMs: number;
}

/** That nobody watches a candidate with users, or does again; until a message was sent. Plain JSON. */
export interface HolderAlert {
  readonly kind: 'unseen' | 'over';
  readonly owner: string;
  readonly epoch: number;
  readonly release: string;
  /** What makes it one alert: another sign of life ends it. */
  readonly seenMs: number;
  /** Messages that were taken, and when the last one was. */
  readonly notifications: number;
  readonly notifiedMs: number | null;
}

/** Milliseconds since the holder's last sign of life; 0 where the candidate has no users. */
export function unseenForMs(state: ControlState, nowMs: number): number {
  if (state.percent === 0 || state.lanes.candidate === null) return 0;
  return Math.max(0, nowMs - seenMsOf(state));
}

/** Whoever was never seen has been away since the last change, at least. */
function seenMsOf({ holderSeenMs, changedAtMs }: ControlState): number {
  return holderSeenMs ?? changedAtMs;
}

/** The alert that stands now, and the message that is due; it stays due until `holderNotified`. */
export function holderStep(
  before: HolderAlert | null,
  state: ControlState,
  limits: HolderLimits,
  nowMs: number,
): { readonly alert: HolderAlert | null; readonly due: Notification | null } {
  const unseenMs = unseenForMs(state, nowMs);
  if (unseenMs < limits.unseenMs) {
    // Who heard of nothing need not hear that it is over.
    if (before === null || before.notifications === 0) return { alert: null, due: null };
    const alert = { ...before, kind: 'over' } as const;
    return { alert, due: overMessage(alert, state) };
  }
  const alert = isSame(before, state) ? before : newAlert(state);
  const isDue = alert.notifiedMs === null || nowMs - alert.notifiedMs >= limits.repeatAfterMs;
  return { alert, due: isDue ? unseenMessage(alert, state, unseenMs) : null };
}

/** The alert after its message was taken. */
export function holderNotified(alert: HolderAlert, nowMs: number): HolderAlert | null {
  return alert.kind === 'over'
    ? null
    : { ...alert, notifications: alert.notifications + 1, notifiedMs: nowMs };
}

function isSame(alert: HolderAlert | null, state: ControlState): alert is HolderAlert {
  return alert?.kind === 'unseen' && alert.seenMs === seenMsOf(state);
}

function newAlert(state: ControlState): HolderAlert {
  const { owner, epoch, lanes } = state;
  const release = lanes.candidate?.release ?? '';
  return {
    kind: 'unseen',
    owner,
    epoch,
    release,
    seenMs: seenMsOf(state),
    notifications: 0,
    notifiedMs: null,
  };
}

function unseenMessage(alert: HolderAlert, state: ControlState, unseenMs: number): Notification {
  const { percent, lanes, lease } = state;
  const keeps =
    lease === null
      ? 'There is no lease: nothing takes these users back by itself.'
      : 'The lease takes these users back when it runs out.';
  return {
    severity: 'critical',
    title: `Nobody watches ${alert.release}, which has ${percent} % of the users`,
    text: [
      `${alert.owner} (epoch ${alert.epoch}) gave no sign of life for ${minutes(unseenMs)}.`,
      keeps,
      `What runs, and what does not: ${asCode('npx retriever diagnose')}`,
      `Users back to ${lanes.stable.release}: ${rollbackCommand(lanes.stable.release)}`,
    ].join('\n'),
    dedupeKey: keyOf(alert),
    incident: incidentOf(alert),
  };
}

function overMessage(alert: HolderAlert, { percent, lanes, owner }: ControlState): Notification {
  const isWatched = percent > 0 && lanes.candidate !== null;
  return {
    severity: 'info',
    title: isWatched
      ? `${lanes.candidate.release} is watched again`
      : `${alert.release} is no longer an unwatched candidate`,
    text: isWatched
      ? `${owner} gave a sign of life; ${lanes.candidate.release} has ${percent} % of the users.`
      : `All users are on ${lanes.stable.release}.`,
    dedupeKey: keyOf(alert),
    incident: incidentOf(alert),
  };
}

function incidentOf({ kind, epoch, seenMs }: HolderAlert): Notification['incident'] & {} {
  return { key: `holder/${epoch}/${seenMs}`, over: kind === 'over', severity: 'critical' };
}

function keyOf({ kind, epoch, seenMs, notifications }: HolderAlert): string {
  return `holder/${epoch}/${seenMs}/${kind}/${notifications}`;
}

function minutes(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}
