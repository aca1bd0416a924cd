import {
  CancellationScope,
  allHandlersFinished,
  condition,
  continueAsNew,
  sleep,
} from '@temporalio/workflow';
import type { LoadedPlan } from '../../domain/contracts/rollout-activities.ts';
import type { Command } from '../../domain/rollout/next-action.ts';
import { begin, interrupts, triesOn } from '../../domain/rollout/driver.ts';
import type { RolloutEvent } from '../../domain/rollout/events.ts';
import type { RolloutInput } from '../../domain/rollout/input.ts';
import type { Outcome } from '../../domain/rollout/state.ts';
import type { RolloutStatus } from '../../domain/rollout/status/status.ts';
import { INTERRUPTED, unlessUrgent } from '../runtime/interruptible.ts';
import type { CarriedRollout } from '../runtime/renewal.ts';
import { isLong } from '../runtime/renewal.ts';
import { ActionExecutor } from './action-executor.ts';
import { RunState } from './run-state.ts';
import { lookBack } from './write-postmortem.ts';

/** A rollback that is refused for good, as by a release that is not there, waits for a person to mend that. */
const ROLLBACK_AGAIN_MS = 60_000;
/** A new run waits this long for notifications; the workflow `page` goes on trying those that do not get through. */
const NOTIFIED_WITHIN_MS = 120_000;

type Wait = Extract<Command, { readonly do: 'wait' }>;

/** The workflow `rollout`, whose next run takes over. */
type Continued = (input: RolloutInput, carried: CarriedRollout) => Promise<unknown>;

/** One run of the workflow: the loop that carries out one command of the driver after the other. */
export class RolloutRun {
  private readonly input: RolloutInput;
  private readonly state: RunState;
  private readonly executor: ActionExecutor;
  private stuck = false;

  /** `carried` by the run before, of the same rollout. */
  constructor(input: RolloutInput, carried: CarriedRollout | null) {
    this.input = input;
    const state = new RunState(input, carried);
    this.state = state;
    this.executor = new ActionExecutor(input.service, {
      rollbackLate: (reason) => state.dispatch({ kind: 'failed', reason }),
      callLate: (what, reason) => this.isPatient(what, reason),
      sweepEnded: () => state.apply({ kind: 'sweepEnded' }),
    });
  }

  /** Walks the plan to its end. Throws only where the workflow was cancelled. */
  async walk(loaded: LoadedPlan): Promise<void> {
    const { state } = this;
    state.loaded = loaded;
    for (;;) {
      state.guard.follow(loaded.plan, state.rollout);
      state.takeUp();
      const { driver, command } = begin(loaded.plan, state.driver, Date.now());
      state.driver = driver;
      if (command.do === 'finish') return this.end(loaded, command);
      if (command.do === 'wait' && isLong()) await this.renew(loaded);
      const event = await this.carryOut(loaded, command);
      if (event === null) state.apply({ kind: 'interrupted' });
      else state.dispatch(event);
    }
  }

  /** The plan cannot be read, which is said here: without one there is no reducer. */
  tellStuck(what: string, reason: string): boolean {
    this.stuck = true;
    const text = `${what}: ${reason}. It is tried again and again; rollback ends the run`;
    const title = `rollout of ${this.input.candidate} cannot begin`;
    this.state.notifications.page({ severity: 'critical', title, text });
    return true;
  }

  /** A rollback was said, and no plan is to be had. */
  isCalledOff(): boolean {
    return this.stuck && this.state.inbox.hasRollback;
  }

  /** Ends a run that has no plan: there is nothing to take back, unless it was reset to before it was read. */
  async endUnread(outcome: Outcome, why: string): Promise<void> {
    const { state } = this;
    const result = await this.executor.takeBack(state.rollout);
    const back = result.kind === 'rolledBack' && result.verification !== null;
    const outcomeReason = `${why} before the plan was read${back ? ': users are back' : ''}`;
    const rollout = { ...state.rollout, phase: 'done', outcome, outcomeReason } as const;
    state.driver = { ...state.driver, rollout };
    state.show();
    await state.notifications.settled();
  }

  /** The workflow was cancelled: users go back to stable all the same. Called in a scope that cannot be cancelled. */
  async cancel(): Promise<void> {
    const { loaded } = this.state;
    if (loaded === null) return this.endUnread('cancelled', 'cancelled');
    this.state.apply({ kind: 'interrupted' });
    this.state.dispatch({ kind: 'cancelled' });
    await this.walk(loaded);
  }

  result(): {
    outcome: Outcome;
    reason: string;
    planDigest: string | null;
    blastRadius: RolloutStatus['blastRadius'];
  } {
    const { rollout, loaded } = this.state;
    return {
      outcome: rollout.outcome ?? 'aborted',
      reason: rollout.outcomeReason ?? '',
      planDigest: loaded?.digest ?? null,
      blastRadius: this.state.status().blastRadius,
    };
  }

  /** Does one thing. What is urgent interrupts it, and null says that nothing came of it. */
  private async carryOut(
    loaded: LoadedPlan,
    command: Exclude<Command, { readonly do: 'finish' }>,
  ): Promise<RolloutEvent | null> {
    const { state } = this;
    if (command.do === 'wait') return this.wait(command);
    if (command.do === 'rollback') return this.rollBack(loaded);
    const done = await unlessUrgent(
      () => this.isInterrupted(),
      async () => {
        if (command.do !== 'awaitSweep') return this.executor.perform(loaded.plan, state.rollout, command);
        await condition(() => !state.driver.sweeping);
        return null;
      },
    );
    return done === INTERRUPTED ? null : done;
  }

  /** Nothing interrupts a rollback; one that does not get through is tried again until it does. */
  private async rollBack({ plan }: LoadedPlan): Promise<RolloutEvent | null> {
    const event = await this.executor.perform(plan, this.state.rollout, { do: 'rollback' });
    if (event.kind !== 'failed') return event;
    this.state.dispatch(event);
    await sleep(ROLLBACK_AGAIN_MS, { summary: 'then the rollback is tried again' });
    return null;
  }

  private async wait({ untilMs, why, ends }: Wait): Promise<RolloutEvent | null> {
    const interrupted = () => this.isInterrupted();
    if (untilMs === null) {
      await condition(interrupted);
      return null;
    }
    const leftMs = untilMs - Date.now();
    if (leftMs > 0 && (await condition(interrupted, leftMs, { summary: why }))) return null;
    return { kind: ends };
  }

  private isInterrupted(): boolean {
    return interrupts(this.state.driver, this.state.heard());
  }

  private isPatient(what: string, reason: string): boolean {
    if (this.state.loaded === null || !triesOn(this.state.driver)) return false;
    this.state.dispatch({ kind: 'late', what, reason });
    return true;
  }

  /** All that is left once the rollout has an outcome: traffic, the guard, notifications. */
  private async end(
    { plan }: LoadedPlan,
    { unload }: Extract<Command, { readonly do: 'finish' }>,
  ): Promise<void> {
    const { state } = this;
    state.guard.stop();
    await this.executor.tidy(state.rollout, unload);
    await this.listeningTo(state.notifications.settled());
    await this.listeningTo(lookBack(plan, state.rollout));
    // What came too late is in the timeline, with why it changes nothing.
    do {
      state.takeUp();
      await this.listeningTo(Promise.all([state.decisions.flush(), ...state.begun]));
      await this.listeningTo(state.notifications.settled());
    } while (!state.inbox.isEmpty);
    state.show();
  }

  /** Notifying takes minutes where nobody answers: who wants users back meanwhile is heard at once. */
  private async listeningTo(work: Promise<unknown>): Promise<void> {
    const { state } = this;
    const over = work.then(() => true);
    over.catch(() => {}); // It is heard below.
    // Not the wait is what a cancelled workflow leaves, but the work.
    const stirred = () => CancellationScope.nonCancellable(() => condition(() => !state.inbox.isEmpty));
    const notified = () => Promise.race([over, stirred().then(() => false)]);
    while (!(await notified())) state.takeUp();
    await over;
  }

  /**
   * The next run begins, with all that this one knows: while nothing is asked, sent or taken up. Returns where something came
   * in between; the next wait tries again.
   */
  private async renew(loaded: LoadedPlan): Promise<void> {
    const { notifications, decisions, guard, driver } = this.state;
    if (driver.sweeping) return;
    const stirred = () => this.isInterrupted();
    const notified = () => notifications.isDone && !decisions.isSending;
    if (stirred()) return;
    await condition(() => stirred() || notified(), NOTIFIED_WITHIN_MS);
    if (stirred() || !notified()) return;
    await guard.leave(stirred);
    await condition(allHandlersFinished);
    if (stirred() || !notified()) return;
    await continueAsNew<Continued>(this.input, {
      driver: { ...this.state.driver, doing: null },
      loaded,
      decisions: decisions.carried(),
      guard: guard.carried(),
    });
  }
}
