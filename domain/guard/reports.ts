import { carriesState, guardStep, newGuard } from './guard.ts';
import type { GuardContext, GuardEvent, GuardState, Poll } from './state.ts';

/** Name of the signal that takes one to the rollout. */
export const GUARD_SAW = 'guardSaw';

/** One thing that the guard saw, as it is sent to the rollout: it comes at least once. */
export interface GuardReport {
  /** Of the rollout that is meant. */
  readonly epoch: number;
  /** The same report has the same key, however often it is sent. */
  readonly key: string;
  readonly event: GuardEvent;
}

/** What the watch of a rollout carries from poll to poll, and over a worker's death. Plain JSON. */
export interface GuardProgress {
  /** Names the guard: one that starts in its place counts its reports from 1 again. */
  readonly name: string;
  /** Somebody else has the epoch: there is nothing to watch any more. */
  readonly over: boolean;
  readonly guard: GuardState;
  /** Reports made so far. */
  readonly reports: number;
  /** Those that Temporal has not taken yet, oldest first. */
  readonly unsent: readonly GuardReport[];
}

/** A watch that begins now, under a name that no other one has. */
export function newProgress(name: string, nowMs: number): GuardProgress {
  return { name, over: false, guard: newGuard(nowMs), reports: 0, unsent: [] };
}

/**
 * One more poll. The watch goes on after each event: after one that ends what was seen so far (a breach, a hand) with a
 * fresh look, which knows the hand's intervention.
 */
export function progress(
  before: GuardProgress,
  poll: Poll,
  context: GuardContext,
  nowMs: number,
): GuardProgress {
  if (before.over) return before;
  const interventions = Math.max(context.interventions, before.guard.interventions);
  const { state, event } = guardStep(before.guard, poll, { ...context, interventions }, nowMs);
  if (event === null) return { ...before, guard: state };
  const reports = before.reports + 1;
  const report = { epoch: context.epoch, key: `${before.name}/${keyOf(reports, event)}`, event };
  return {
    ...before,
    over: event.kind === 'superseded',
    guard: carriesState(event) ? state : afterwards(state, event, nowMs),
    reports,
    unsent: [...before.unsent, report],
  };
}

/**
 * A worker that was killed may see other things the second time: the number alone would let a breach pass for the warning
 * that was sent in its place.
 */
function keyOf(number: number, event: GuardEvent): string {
  return `${number}/${event.kind}/${'trigger' in event ? event.trigger : ''}`;
}

function afterwards({ clocks, interventions }: GuardState, event: GuardEvent, nowMs: number): GuardState {
  const known = event.kind === 'intervened' ? event.interventions : interventions;
  return { ...newGuard(nowMs), clocks, interventions: known };
}

/** A report out of whatever a signal carried; null where it is none. Never throws. */
export function readReport(payload: unknown): GuardReport | null {
  if (typeof payload !== 'object' || payload === null) return null;
  const { epoch, key, event } = payload as Partial<GuardReport>;
  const whole = typeof epoch === 'number' && typeof key === 'string' && typeof event === 'object';
  return whole && event !== null ? { epoch, key, event } : null;
}
