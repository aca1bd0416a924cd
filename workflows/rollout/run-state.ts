import { setHandler } from '@temporalio/workflow';
import type { LoadedPlan } from '../../domain/contracts/rollout-activities.ts';
import type { GuardEvent } from '../../domain/guard/state.ts';
import type { DriverEvent, DriverState, Heard } from '../../domain/rollout/driver.ts';
import { keepsCurrentAction, newDriver, take } from '../../domain/rollout/driver.ts';
import type { RolloutInput } from '../../domain/rollout/input.ts';
import type { Message } from '../../domain/rollout/operator-message.ts';
import { rejectionReason, onMessage } from '../../domain/rollout/operator-commands.ts';
import type { Effect, RolloutState } from '../../domain/rollout/state.ts';
import { newRollout } from '../../domain/rollout/state.ts';
import type { RolloutStatus } from '../../domain/rollout/status/status.ts';
import { statusOf } from '../../domain/rollout/status/status.ts';
import { Notifications } from '../notification/notifications.ts';
import { identity } from '../runtime/identity.ts';
import { Inbox } from '../runtime/inbox.ts';
import { aliveQuery, guardSaw, planQuery, statusQuery } from '../runtime/messages.ts';
import type { CarriedRollout } from '../runtime/renewal.ts';
import { isLong } from '../runtime/renewal.ts';
import { DecisionLog } from './decision-log.ts';
import { GuardSupervisor } from './guard-supervisor.ts';
import { isTooLate, rollBackShipped } from './rollback-after-completion.ts';
import { Visibility } from './visibility.ts';

/** What one run of the workflow knows and has heard; each event changes it by the driver, and its effects are sent. */
export class RunState {
  driver: DriverState;
  /** Null until the plan is read; without one nothing is decided. */
  loaded: LoadedPlan | null;
  readonly inbox = new Inbox();
  readonly guard: GuardSupervisor;
  readonly notifications = new Notifications();
  readonly decisions: DecisionLog;
  /** Rollbacks that came too late to be this run's. */
  readonly begun: Promise<void>[] = [];
  private readonly visibility = new Visibility();

  /** `carried` by the run before, of the same rollout. */
  constructor(input: RolloutInput, carried: CarriedRollout | null) {
    this.driver = carried?.driver ?? newDriver(newRollout(input.service, input.candidate, Date.now()));
    this.loaded = carried?.loaded ?? null;
    const lost = () => this.apply({ kind: 'doubted' });
    this.guard = new GuardSupervisor(
      (seen) => this.handleWithoutInterrupting(seen),
      lost,
      carried?.guard ?? null,
    );
    this.decisions = new DecisionLog(input.candidate, carried?.decisions ?? null);
    this.answer();
    this.show();
  }

  get rollout(): RolloutState {
    return this.driver.rollout;
  }

  status(): RolloutStatus {
    return statusOf(this.loaded?.plan ?? null, this.rollout);
  }

  /** What has not been taken up yet. */
  heard(): Heard {
    const { guard, inbox } = this;
    return { guard: guard.hasEvent(), message: !inbox.isEmpty, rollback: inbox.hasRollback };
  }

  /** Takes up all messages, and the oldest thing that the guard saw. A burst is shown once: that takes longer than to decide. */
  takeUp(): void {
    for (const message of this.inbox.takeAll()) {
      if (isTooLate(this.rollout, message)) this.begun.push(this.rollBackShipped(message));
      this.apply({ kind: 'message', message });
    }
    const event = this.guard.take();
    if (event !== null) this.apply({ kind: 'guard', event });
    this.show();
  }

  /** Takes up an event and shows what came of it. */
  dispatch(event: DriverEvent): void {
    this.apply(event);
    this.show();
  }

  apply(event: DriverEvent): void {
    const { loaded } = this;
    if (loaded === null) return;
    const { driver, effects } = take(loaded.plan, this.driver, event, Date.now());
    this.driver = driver;
    for (const effect of effects) this.send(loaded, effect);
    this.guard.follow(loaded.plan, driver.rollout);
  }

  show(): void {
    this.visibility.show(this.loaded, this.rollout);
  }

  private answer(): void {
    setHandler(statusQuery, () => this.status(), {
      description: 'Where the rollout stands, with its timeline',
    });
    setHandler(aliveQuery, () => identity().runId, {
      description: 'A sign of life: the run id of the first execution',
    });
    setHandler(planQuery, () => this.loaded, { description: 'The plan that it walks, with its digest' });
    setHandler(guardSaw, (report) => this.guard.hear(report, this.rollout.epoch), {
      description: 'what the guard saw',
    });
    this.inbox.listen({
      status: () => statusOf(this.loaded?.plan ?? null, this.ahead()),
      objection: (name) =>
        this.loaded === null ? null : rejectionReason(this.loaded.plan, this.ahead(), name),
    });
  }

  /** The state as it will be once the messages in the inbox are taken up. */
  private ahead(): RolloutState {
    const { loaded } = this;
    if (loaded === null) return this.rollout;
    const after = (state: RolloutState, message: Message) =>
      onMessage(loaded.plan, state, message, Date.now()).state;
    return this.inbox.waiting().reduce(after, this.rollout);
  }

  /** True where it was taken up without interrupting what is being done. */
  private handleWithoutInterrupting(event: GuardEvent): boolean {
    // A long run has to come to its end: what would be taken up beside it wakes it.
    if (this.loaded === null || isLong()) return false;
    if (!keepsCurrentAction(this.loaded.plan, this.driver, event, Date.now())) return false;
    this.dispatch({ kind: 'guard', event });
    return true;
  }

  /** It cannot be this run's any more: a workflow of its own takes users back, and where that cannot begin a person hears it. */
  private async rollBackShipped(message: Message): Promise<void> {
    const page = await rollBackShipped(this.rollout, message);
    if (page !== null) this.notifications.page(page);
  }

  private send(loaded: LoadedPlan, effect: Effect): void {
    if (effect.kind === 'record') this.decisions.add(loaded, effect.decision);
    else if (effect.kind === 'page') this.notifications.page(effect);
    else this.notifications.baseline(this.rollout.report?.stable ?? '', effect);
  }
}
