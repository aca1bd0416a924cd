import type { Plan } from '../plan/plan.ts';
import type { GuardEvent } from '../guard/state.ts';
import { disagrees } from './compare.ts';
import type { RolloutEvent } from './events.ts';
import type { Command, KeyedChange } from './next-action.ts';
import { commandOf, nextAction } from './next-action.ts';
import { reduce } from './reduce.ts';
import type { Effect, RolloutState } from './state.ts';

/**
 * The driver of the state machine: which command is due, and what its answer, or the lack of one, does. Pure. It runs in the
 * workflow, in simulation/, and in the exhaustive check: `begin` a command, carry it out, `take` what came of it; and so on to
 * `finish`.
 */

/** A rollout with what it has asked of the outside. Plain JSON, changed only by `begin` and `take`. */
export interface DriverState {
  readonly rollout: RolloutState;
  /** Keys handed out so far. With the time they are unique, also after a reset, which returns the number to an earlier one. */
  readonly steps: number;
  /** What is being done; null in between. */
  readonly doing: Command | null;
  /** A raise, step of the ladder or promotion without an answer: it may be carried out now, later or never. */
  readonly pending: KeyedChange | null;
  /** A sweep has not ended; nothing is changed beside it, also where the rollout does not wait for it any more. */
  readonly sweeping: boolean;
  /** What the gateway has in force may not be what is known here: it is asked before anything else is done. */
  readonly doubt: boolean;
}

/** What a driver takes up: what has happened to the rollout, or to the command under way. */
export type DriverEvent =
  | RolloutEvent
  /** What was being done is left for something more urgent. It may be carried out all the same. */
  | { readonly kind: 'interrupted' }
  /** A sweep has ended, whoever waited for it. */
  | { readonly kind: 'sweepEnded' }
  /** Nobody watched for a while, or another run may have changed traffic. */
  | { readonly kind: 'doubted' };

/** What has been heard, and not been taken up yet. */
export interface Heard {
  /** What the guard saw. */
  readonly guard: boolean;
  /** A message of an operator, and whether one of them is a rollback. */
  readonly message: boolean;
  readonly rollback: boolean;
}

/** A driver of a rollout, in a new run or before anything was done. */
export function newDriver(rollout: RolloutState): DriverState {
  return { rollout, steps: 0, doing: null, pending: null, sweeping: false, doubt: false };
}

/** The next command, which is under way from now on. */
export function begin(
  plan: Plan,
  before: DriverState,
  nowMs: number,
): { readonly driver: DriverState; readonly command: Command } {
  const command = due(plan, before, nowMs);
  const isNew = command.do !== 'settle' && 'key' in command;
  const driver: DriverState = {
    ...before,
    doing: command,
    steps: before.steps + Number(isNew),
    pending: isSettled(command) ? { key: command.key, change: command.change } : before.pending,
    sweeping: before.sweeping || command.do === 'tune',
  };
  return { driver, command };
}

/** The state after an event, and what is to be done outside because of it. Never throws for what comes from outside. */
export function take(
  plan: Plan,
  before: DriverState,
  event: DriverEvent,
  nowMs: number,
): { readonly driver: DriverState; readonly effects: readonly Effect[] } {
  switch (event.kind) {
    case 'interrupted':
      return { driver: { ...before, doing: null }, effects: [] };
    case 'sweepEnded':
      return { driver: { ...before, sweeping: false }, effects: [] };
    case 'doubted':
      return { driver: { ...before, doubt: true }, effects: [] };
    default: {
      const { state: rollout, effects } = reduce(plan, before.rollout, event, nowMs);
      const answered = isAnswer(before, event) ? afterAnswer(before, event) : before;
      const doubt = answered.doubt || disagrees(rollout, event);
      return { driver: { ...answered, rollout, doubt }, effects };
    }
  }
}

/**
 * Whether what was heard ends what is being done. Anything ends a wait; a rollback, and what the guard saw, end the rest;
 * nothing ends a rollback.
 */
export function interrupts({ doing, doubt }: DriverState, heard: Heard): boolean {
  if (doing === null || doing.do === 'rollback' || doing.do === 'finish') return false;
  if (doing.do === 'wait') return heard.guard || heard.message || doubt;
  return heard.guard || heard.rollback;
}

/**
 * Whether what the guard saw changes nothing about what is being done: a page while a sweep runs, a hold while it is measured.
 * Then it is taken up beside that; else it interrupts.
 */
export function keepsCurrentAction(
  plan: Plan,
  { rollout }: DriverState,
  seen: GuardEvent,
  nowMs: number,
): boolean {
  const { state } = reduce(plan, rollout, { kind: 'guard', event: seen }, nowMs);
  const doing = (of: RolloutState) => JSON.stringify(nextAction(plan, of));
  return state.phase === rollout.phase && doing(state) === doing(rollout);
}

/**
 * Whether a call that goes on failing is tried on, and a person hears of it. Before T0 nobody is served by the candidate: there it
 * is a hold with its reason; but a first raise may have got through, whatever its answer.
 */
export function triesOn({ rollout: { t0Ms, phase } }: DriverState): boolean {
  return t0Ms !== null || phase === 'raise';
}

function due(plan: Plan, { rollout, steps, pending, sweeping, doubt }: DriverState, nowMs: number): Command {
  const action = nextAction(plan, rollout);
  const ends = action.do === 'rollback' || action.do === 'finish';
  // Nothing holds up a rollback: what is under way has an older epoch than its own.
  if (!ends && pending !== null) return { do: 'settle', key: pending.key };
  if (!ends && doubt) return { do: 'compare' };
  if (sweeping && AFTER_SWEEP.includes(action.do)) return { do: 'awaitSweep' };
  return commandOf(plan, rollout, action, `${steps + 1}/${nowMs}`);
}

/** Actions that begin only when no sweep is under way. */
const AFTER_SWEEP: readonly Command['do'][] = ['readFlags', 'tune', 'raise', 'applyRemediation', 'promote'];

/** Brings users to the candidate or changes how they are served, so it has to be known what became of it. */
function isSettled(command: Command): command is Command & KeyedChange {
  return command.do === 'raise' || command.do === 'applyRemediation' || command.do === 'promote';
}

/** Events that come by themselves, beside what is being done. */
const BESIDE: readonly DriverEvent['kind'][] = ['message', 'guard', 'cancelled', 'late'];

function isAnswer({ doing }: DriverState, { kind }: RolloutEvent): boolean {
  // A rollback that does not get through says so, and goes on.
  return !BESIDE.includes(kind) && !(kind === 'failed' && doing?.do === 'rollback');
}

function afterAnswer(before: DriverState, event: RolloutEvent): DriverState {
  // A copy of what was refused may still be under way, and why it was refused may be over: its key is used up first.
  const refused = event.kind === 'changed' && event.result.kind === 'refused';
  return {
    ...before,
    doing: null,
    pending: refused ? before.pending : null,
    sweeping: before.sweeping && event.kind !== 'tuned',
    doubt: before.doubt && before.doing?.do !== 'compare',
  };
}
