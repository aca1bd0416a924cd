import {
  CancellationScope,
  allHandlersFinished,
  condition,
  continueAsNew,
  setHandler,
  sleep,
} from '@temporalio/workflow';
import type { LoadedPlan } from '../../domain/contracts/rollout-activities.ts';
import type { Message } from '../../domain/rollout/operator-commands.ts';
import { objection, onMessage } from '../../domain/rollout/operator-commands.ts';
import type { RolloutInput } from '../../domain/rollout/input.ts';
import { reduce } from '../../domain/rollout/reduce.ts';
import { disagrees } from '../../domain/rollout/compare.ts';
import type { Action } from '../../domain/rollout/next-action.ts';
import { leavesBe, nextAction } from '../../domain/rollout/next-action.ts';
import { remindAtMs } from '../../domain/rollout/reminders.ts';
import type { Effect, Outcome, RolloutState } from '../../domain/rollout/state.ts';
import { newRollout } from '../../domain/rollout/state.ts';
import type { RolloutStatus } from '../../domain/rollout/status.ts';
import { statusOf } from '../../domain/rollout/status.ts';
import { DecisionLog } from './decision-log.ts';
import { GuardWatch } from './guard-supervisor.ts';
import { identity } from '../runtime/identity.ts';
import { Inbox } from '../runtime/inbox.ts';
import { INTERRUPTED, unlessUrgent } from '../runtime/interruptible.ts';
import { isTooLate, rollBackShipped } from './rollback-after-completion.ts';
import { lookBack } from './write-postmortem.ts';
import { aliveQuery, guardSaw, planQuery, statusQuery } from '../runtime/messages.ts';
import type { CarriedRollout } from '../runtime/renewal.ts';
import { isLong } from '../runtime/renewal.ts';
import { RolloutCard } from './visibility.ts';
import { RolloutTraffic } from './action-executor.ts';
import { Notifications } from '../notification/notifications.ts';
import type { GuardEvent } from '../../domain/guard/state.ts';
import type { RolloutEvent } from '../../domain/rollout/events.ts';

/** A rollback that is refused for good, as by a release that is not there, waits for a person to mend that. */
const ROLLBACK_AGAIN_MS = 60_000;
/** A new run waits this long for notifications; the workflow `page` goes on trying those that do not get through. */
const NOTIFIED_WITHIN_MS = 120_000;

/** The workflow `rollout`, whose next run takes over. */
type Continued = (input: RolloutInput, carried: CarriedRollout) => Promise<unknown>;

/** One run of the workflow: what came in, what is known, and the loop that does one thing after the other. */
export class RolloutRun {
  private state: RolloutState;
  private loaded: LoadedPlan | null = null;
  private stuck = false;
  private readonly inbox = new Inbox();
  /** What the gateway has in force may not be what is known here: it is asked before anything else is done. */
  private doubt = false;
  private readonly guard: GuardWatch;
  private readonly traffic: RolloutTraffic;
  private readonly notifications = new Notifications();
  private readonly input: RolloutInput;
  private readonly decisions: DecisionLog;
  /** Rollbacks that came too late to be this run's. */
  private readonly begun: Promise<void>[] = [];
  private readonly card = new RolloutCard();

  /** `carried` by the run before, of the same rollout. */
  constructor(input: RolloutInput, carried: CarriedRollout | null) {
    this.input = input;
    this.state = carried === null ? newRollout(input.service, input.candidate, Date.now()) : carried.state;
    this.loaded = carried?.loaded ?? null;
    const lost = () => {
      this.doubt = true;
    };
    this.guard = new GuardWatch((event) => this.takeUpBeside(event), lost, carried?.guard ?? null);
    const late = {
      rollback: (reason: string) => {
        if (this.loaded !== null) this.dispatch(this.loaded, { kind: 'failed', reason });
      },
      call: (what: string, reason: string) => this.isPatient(what, reason),
    };
    this.traffic = new RolloutTraffic(this.state, late, carried?.steps ?? 0);
    this.decisions = new DecisionLog(input.candidate, carried?.decisions ?? null);
    setHandler(statusQuery, () => this.status(), {
      description: 'Where the rollout stands, with its timeline',
    });
    setHandler(aliveQuery, () => identity().runId, {
      description: 'A sign of life: the run id of the first execution',
    });
    setHandler(planQuery, () => this.loaded, { description: 'The plan that it walks, with its digest' });
    setHandler(guardSaw, (report) => this.guard.hear(report, this.state.epoch), {
      description: 'what the guard saw',
    });
    this.inbox.listen({
      status: () => statusOf(this.loaded?.plan ?? null, this.ahead()),
      objection: (name) => (this.loaded === null ? null : objection(this.loaded.plan, this.ahead(), name)),
    });
    this.show();
  }

  /** Walks the plan to its end. Throws only where the workflow was cancelled. */
  async walk(loaded: LoadedPlan): Promise<void> {
    this.loaded = loaded;
    for (;;) {
      this.guard.follow(loaded.plan, this.state);
      this.takeUp(loaded);
      const action = nextAction(loaded.plan, this.state);
      if (action.do === 'finish') break;
      if (action.do === 'wait' && isLong()) await this.renew(loaded);
      const event = await this.act(loaded, action);
      if (event !== null) this.dispatch(loaded, event);
    }
    this.guard.stop();
    await this.traffic.tidy(this.state);
    await this.listeningTo(loaded, this.notifications.settled());
    await this.listeningTo(loaded, lookBack(loaded.plan, this.state));
    // What came too late is in the timeline, with why it changes nothing.
    do {
      this.takeUp(loaded);
      await this.listeningTo(loaded, Promise.all([this.decisions.flush(), ...this.begun]));
      await this.listeningTo(loaded, this.notifications.settled());
    } while (!this.inbox.isEmpty);
    this.show();
  }

  /**
   * The next run begins, with all that this one knows: while nothing is asked, sent or taken up. Returns where something came
   * in between; the next wait tries again.
   */
  private async renew(loaded: LoadedPlan): Promise<void> {
    if (this.traffic.isBusy()) return;
    const stirred = () => !this.inbox.isEmpty || this.guard.hasEvent() || this.doubt;
    const notified = () => this.notifications.isDone && !this.decisions.isSending;
    if (stirred()) return;
    await condition(() => stirred() || notified(), NOTIFIED_WITHIN_MS);
    if (stirred() || !notified()) return;
    await this.guard.leave(stirred);
    await condition(allHandlersFinished);
    if (stirred() || !notified()) return;
    await continueAsNew<Continued>(this.input, {
      state: this.state,
      loaded,
      steps: this.traffic.stepsTaken(),
      decisions: this.decisions.carried(),
      guard: this.guard.carried(),
    });
  }

  /** Notifying takes minutes where nobody answers: who wants users back meanwhile is heard at once. */
  private async listeningTo(loaded: LoadedPlan, work: Promise<unknown>): Promise<void> {
    const over = work.then(() => true);
    over.catch(() => {}); // It is heard below.
    // Not the wait is what a cancelled workflow leaves, but the work.
    const stirred = () => CancellationScope.nonCancellable(() => condition(() => !this.inbox.isEmpty));
    const notified = () => Promise.race([over, stirred().then(() => false)]);
    while (!(await notified())) this.takeUp(loaded);
    await over;
  }

  /** The plan can not be read, which is said here: without one there is no reducer. */
  tellStuck(what: string, reason: string): boolean {
    this.stuck = true;
    const text = `${what}: ${reason}. It is tried again and again; rollback ends the run`;
    const title = `rollout of ${this.state.candidate} can not begin`;
    this.notifications.page({ severity: 'critical', title, text });
    return true;
  }

  /** A rollback was said, and no plan is to be had. */
  isCalledOff(): boolean {
    return this.stuck && this.inbox.hasRollback;
  }

  /** Ends a run that has no plan: there is nothing to take back, unless it was reset to before it was read. */
  async endUnread(outcome: Outcome, why: string): Promise<void> {
    const result = await this.traffic.takeBack(this.state);
    const back = result.kind === 'rolledBack' && result.verification !== null;
    const outcomeReason = `${why} before the plan was read${back ? ': users are back' : ''}`;
    this.state = { ...this.state, phase: 'done', outcome, outcomeReason };
    this.show();
    await this.notifications.settled();
  }

  /** The workflow was cancelled: users go back to stable all the same. Called in a scope that can not be cancelled. */
  async cancel(): Promise<void> {
    if (this.loaded === null) return this.endUnread('cancelled', 'cancelled');
    this.dispatch(this.loaded, { kind: 'cancelled' });
    await this.walk(this.loaded);
  }

  result(): {
    outcome: Outcome;
    reason: string;
    planDigest: string | null;
    blastRadius: RolloutStatus['blastRadius'];
  } {
    const { outcome, outcomeReason } = this.state;
    return {
      outcome: outcome ?? 'aborted',
      reason: outcomeReason ?? '',
      planDigest: this.loaded?.digest ?? null,
      blastRadius: this.status().blastRadius,
    };
  }

  private status(): RolloutStatus {
    return statusOf(this.loaded?.plan ?? null, this.state);
  }

  /** The state as it will be once the messages in the inbox are taken up. */
  private ahead(): RolloutState {
    const { loaded } = this;
    if (loaded === null) return this.state;
    const after = (state: RolloutState, message: Message) =>
      onMessage(loaded.plan, state, message, Date.now()).state;
    return this.inbox.waiting().reduce(after, this.state);
  }

  private takeUp(loaded: LoadedPlan): void {
    // A burst is shown once: what is shown takes longer than what is decided.
    for (const message of this.inbox.takeAll()) {
      if (isTooLate(this.state, message)) this.begun.push(this.rollBackShipped(message));
      this.apply(loaded, { kind: 'message', message });
    }
    const event = this.guard.take();
    if (event !== null) this.apply(loaded, { kind: 'guard', event });
    this.show();
  }

  /** It can not be this run's any more: a workflow of its own takes users back, and where that can not begin a person hears it. */
  private async rollBackShipped(message: Message): Promise<void> {
    const page = await rollBackShipped(this.state, message);
    if (page !== null) this.notifications.page(page);
  }

  /** What changes nothing about what is being done does not interrupt it; true where it was taken up. */
  private takeUpBeside(seen: GuardEvent): boolean {
    const { loaded, state } = this;
    const event = { kind: 'guard', event: seen } as const;
    // A long run has to come to its end: what would be taken up beside it wakes it.
    if (loaded === null || isLong() || !leavesBe(loaded.plan, state, event, Date.now())) return false;
    this.dispatch(loaded, event);
    return true;
  }

  private dispatch(loaded: LoadedPlan, event: RolloutEvent): void {
    this.apply(loaded, event);
    this.show();
  }

  private apply(loaded: LoadedPlan, event: RolloutEvent): void {
    const { state, effects } = reduce(loaded.plan, this.state, event, Date.now());
    this.state = state;
    this.doubt ||= disagrees(state, event);
    for (const effect of effects) this.tell(loaded, effect);
    this.guard.follow(loaded.plan, state);
  }

  /** Does one thing. What is urgent interrupts it, and null says that nothing came of it. */
  private async act(loaded: LoadedPlan, action: Action): Promise<RolloutEvent | null> {
    if (action.do === 'rollback') return this.takeBack(loaded, action);
    const settling = this.traffic.hasUnanswered();
    const comparing = this.doubt && !settling;
    if (action.do === 'wait' && !settling && !comparing) return this.wait(action.untilMs, action.why);
    const done = await unlessUrgent(
      () => this.isUrgent(),
      () => {
        if (settling) return this.traffic.settle(this.state);
        return comparing ? this.traffic.compare() : this.traffic.perform(loaded.plan, this.state, action);
      },
    );
    if (done === INTERRUPTED) return null;
    if (comparing) this.doubt = false;
    // A copy of what was refused may still be under way, and why it was refused may be over: its key is used up first.
    const refused = done?.kind === 'changed' && done.result.kind === 'refused';
    if (!refused) this.traffic.answered();
    return done;
  }

  /** Nothing interrupts a rollback; one that does not get through is tried again until it does. */
  private async takeBack(loaded: LoadedPlan, action: Action): Promise<RolloutEvent | null> {
    const event = await this.traffic.perform(loaded.plan, this.state, action);
    if (event?.kind !== 'failed') return event;
    this.dispatch(loaded, event);
    await sleep(ROLLBACK_AGAIN_MS, { summary: 'then the rollback is tried again' });
    return null;
  }

  private isUrgent(): boolean {
    return this.guard.hasEvent() || this.inbox.hasRollback;
  }

  /** Before T0 nobody is served by the candidate: what fails is a hold with its reason. Later it is tried on, and paged. */
  private isPatient(what: string, reason: string): boolean {
    const { loaded, state } = this;
    // The first raise may have got through, whatever its answer.
    if (loaded === null || (state.t0Ms === null && state.phase !== 'raise')) return false;
    this.dispatch(loaded, { kind: 'late', what, reason });
    return true;
  }

  private async wait(untilMs: number | null, why: string): Promise<RolloutEvent | null> {
    const stirred = () => !this.inbox.isEmpty || this.guard.hasEvent() || this.doubt;
    const remindMs = remindAtMs(this.state) ?? Infinity;
    const atMs = Math.min(untilMs ?? Infinity, remindMs);
    if (atMs === Infinity) {
      await condition(stirred);
      return null;
    }
    const leftMs = atMs - Date.now();
    if (leftMs > 0 && (await condition(stirred, leftMs, { summary: why }))) return null;
    return { kind: atMs === remindMs ? 'remind' : 'time' };
  }

  private tell(loaded: LoadedPlan, effect: Effect): void {
    if (effect.kind === 'record') this.decisions.add(loaded, effect.decision);
    else if (effect.kind === 'page') this.notifications.page(effect);
    else this.notifications.baseline(this.state.report?.stable ?? '', effect);
  }

  private show(): void {
    this.card.show(this.loaded, this.state);
  }
}
