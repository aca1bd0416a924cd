/** What a person may say to a rollout, as a signal or as an update. */
export const MESSAGES = ['pause', 'resume', 'hold', 'rollback', 'approve', 'advance'] as const;
export type MessageName = (typeof MESSAGES)[number];

/** The query that proves a rollout is served: its answer is the run id of the first execution. */
export const ALIVE_QUERY = 'alive';

export interface Message {
  readonly name: MessageName;
  readonly reason: string | null;
  readonly by: string | null;
}

const LONGEST_NOTE = 500;

/**
 * A message out of whatever a signal carried: nothing, null, a string (taken as the reason), garbage. Never throws,
 * and the signal counts all the same: a rollback with an unreadable payload is still a rollback.
 */
export function readMessage(name: MessageName, payload: unknown): Message {
  if (typeof payload === 'string') return { name, reason: note(payload), by: null };
  if (typeof payload !== 'object' || payload === null) return { name, reason: null, by: null };
  const { reason, by } = payload as { reason?: unknown; by?: unknown };
  return { name, reason: note(reason), by: note(by) };
}

/** Whether a message names the run that it is for, by the first execution's run id, and that is another one. */
export function isForAnother(payload: unknown, firstRunId: string): boolean {
  if (typeof payload !== 'object' || payload === null) return false;
  const { run } = payload as { run?: unknown };
  return typeof run === 'string' && run !== firstRunId;
}

function note(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value.trim().slice(0, LONGEST_NOTE) : null;
}
