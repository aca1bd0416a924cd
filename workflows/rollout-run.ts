import { CancellationScope, condition, patched, setHandler, sleep, workflowInfo } from '@temporalio/workflow';
import type { LoadedPlan } from '../domain/contract.ts';
import type { GuardEvent } from '../domain/guard.ts';
import type { Message, MessageName } from '../domain/rollout-messages.ts';
import { MESSAGES, objection, onMessage, readMessage } from '../domain/rollout-messages.ts';
import type { RolloutInput } from '../domain/rollout-input.ts';
import type { RolloutEvent } from '../domain/rollout.ts';
import { reduce } from '../domain/rollout.ts';
import type { Action } from '../domain/rollout-action.ts';
import { nextAction } from '../domain/rollout-action.ts';
import { leavesBe } from '../domain/rollout-urgency.ts';
import type { Effect, Outcome, RolloutState } from '../domain/rollout-state.ts';
import { newRollout } from '../domain/rollout-state.ts';
import type { RolloutStatus } from '../domain/status.ts';
import { statusOf } from '../domain/status.ts';
import { activities } from './activities.ts';
import { DecisionLog } from './decision-log.ts';
import { GuardWatch } from './guard-watch.ts';
import { INTERRUPTED, unlessUrgent } from './interrupt.ts';
import { rollBackShipped } from './late-rollback.ts';
import { lookBack } from './look-back.ts';
import { planQuery, signals, statusQuery, updates } from './messages.ts';
import { RolloutCard } from './rollout-card.ts';
import { RolloutTraffic } from './rollout-traffic.ts';

/** A rollback that is refused for good, as by a release that is not there, waits for a person to mend that. */
const ROLLBACK_AGAIN_MS = 60_000;

/** One run of the workflow: what came in, what is known, and the loop that does one thing after the other. */
export class RolloutRun {
  private state: RolloutState;
  private loaded: LoadedPlan | null = null;
  /** Messages that the loop has not taken up yet: handlers record, the loop decides. */
  private readonly inbox: Message[] = [];
  private readonly guard = new GuardWatch((event) => this.takeUpBeside(event));
  private readonly traffic: RolloutTraffic;
  private readonly telling: Promise<unknown>[] = [];
  private readonly decisions: DecisionLog;
  /** Rollbacks that came too late to be this run's. */
  private readonly begun: Promise<void>[] = [];
  private readonly card = new RolloutCard();

  constructor(input: RolloutInput) {
    this.state = newRollout(input.service, input.candidate, Date.now());
    this.traffic = new RolloutTraffic(this.state, (reason) => {
      if (this.loaded !== null) this.dispatch(this.loaded, { kind: 'failed', reason });
    });
    this.decisions = new DecisionLog(input.candidate);
    setHandler(statusQuery, () => this.status(), {
      description: 'Where the rollout stands, with its timeline',
    });
    setHandler(planQuery, () => this.loaded, { description: 'The plan that it walks, with its digest' });
    for (const name of MESSAGES) this.listen(name);
    this.show();
  }

  /** Walks the plan to its end. Throws only where the workflow was cancelled. */
  async walk(loaded: LoadedPlan): Promise<void> {
    this.loaded = loaded;
    for (;;) {
      this.takeUp(loaded);
      const action = nextAction(loaded.plan, this.state);
      if (action.do === 'finish') break;
      const event = await this.act(loaded, action);
      if (event !== null) this.dispatch(loaded, event);
    }
    this.guard.stop();
    await this.traffic.tidy(this.state);
    await this.listeningTo(loaded, Promise.all(this.telling));
    await this.listeningTo(loaded, lookBack(loaded.plan, this.state));
    // What came too late is in the timeline, with why it changes nothing.
    do {
      this.takeUp(loaded);
      await this.listeningTo(loaded, Promise.all([this.decisions.flush(), ...this.begun]));
    } while (this.inbox.length > 0);
    this.show();
  }

  /** What is told takes minutes where nobody answers: who wants users back meanwhile is heard at once. */
  private async listeningTo(loaded: LoadedPlan, work: Promise<unknown>): Promise<void> {
    const over = work.then(() => true);
    over.catch(() => {}); // It is heard below.
    // Not the wait is what a cancelled workflow leaves, but the work.
    const stirred = () => CancellationScope.nonCancellable(() => condition(() => this.inbox.length > 0));
    const told = () => Promise.race([over, stirred().then(() => false)]);
    while (!(await told()) && patched('heard-to-the-end')) this.takeUp(loaded);
    await over;
  }

  /** The workflow was cancelled: users go back to stable all the same. Called in a scope that can not be cancelled. */
  async cancel(): Promise<void> {
    if (this.loaded === null) {
      this.state = {
        ...this.state,
        phase: 'done',
        outcome: 'cancelled',
        outcomeReason: 'cancelled before the plan was read',
      };
      return;
    }
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

  /** A signal and an update of the same name. Handlers take anything and never throw; validators are synchronous. */
  private listen(name: MessageName): void {
    const record = (payload: unknown) => {
      this.inbox.push(readMessage(name, payload));
    };
    setHandler(signals[name], record, { description: `${name}; takes an optional {"reason","by"}` });
    setHandler(
      updates[name],
      (payload?: unknown) => {
        record(payload);
        return statusOf(this.loaded?.plan ?? null, this.ahead());
      },
      {
        description: `${name}, refused in a sentence where it makes no sense now`,
        validator: (_payload?: unknown) => {
          const against = this.loaded === null ? null : objection(this.loaded.plan, this.ahead(), name);
          if (against !== null) throw new Error(against);
        },
      },
    );
  }

  /** The state as it will be once the messages in the inbox are taken up. */
  private ahead(): RolloutState {
    const { loaded } = this;
    if (loaded === null) return this.state;
    return this.inbox.reduce(
      (state, message) => onMessage(loaded.plan, state, message, Date.now()).state,
      this.state,
    );
  }

  private takeUp(loaded: LoadedPlan): void {
    for (let message = this.inbox.shift(); message !== undefined; message = this.inbox.shift()) {
      this.begun.push(rollBackShipped(this.state, message));
      this.dispatch(loaded, { kind: 'message', message });
    }
    const event = this.guard.take();
    if (event !== null) this.dispatch(loaded, { kind: 'guard', event });
  }

  /** What changes nothing about what is being done does not interrupt it; true where it was taken up. */
  private takeUpBeside(seen: GuardEvent): boolean {
    const { loaded, state } = this;
    const event = { kind: 'guard', event: seen } as const;
    if (loaded === null || !leavesBe(loaded.plan, state, event, Date.now())) return false;
    // In runs of before each event interrupted.
    if (!patched('guard-beside')) return false;
    this.dispatch(loaded, event);
    return true;
  }

  private dispatch(loaded: LoadedPlan, event: RolloutEvent): void {
    const { state, effects } = reduce(loaded.plan, this.state, event, Date.now());
    this.state = state;
    for (const effect of effects) this.tell(loaded, effect);
    this.show();
    this.guard.follow(loaded.plan, state);
  }

  /** Does one thing. What is urgent interrupts it, and null says that nothing came of it. */
  private async act(loaded: LoadedPlan, action: Action): Promise<RolloutEvent | null> {
    if (action.do === 'rollback') return this.takeBack(loaded, action);
    const settling = this.traffic.hasUnanswered();
    if (action.do === 'wait' && !settling) return this.wait(action.untilMs, action.why);
    const done = await unlessUrgent(
      () => this.isUrgent(),
      () =>
        settling ? this.traffic.settle(this.state) : this.traffic.perform(loaded.plan, this.state, action),
    );
    if (done === INTERRUPTED) return null;
    // A copy of what was refused may still be under way, and why it was refused may be over: its key is used up first.
    const refused = done?.kind === 'changed' && done.result.kind === 'refused';
    if (!refused || !patched('refused-key-used-up')) this.traffic.answered();
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
    return this.guard.hasEvent() || this.inbox.some(({ name }) => name === 'rollback');
  }

  private async wait(untilMs: number | null, why: string): Promise<RolloutEvent | null> {
    const stirred = () => this.inbox.length > 0 || this.guard.hasEvent();
    if (untilMs === null) {
      await condition(stirred);
      return null;
    }
    const leftMs = untilMs - Date.now();
    if (leftMs <= 0) return { kind: 'time' };
    return (await condition(stirred, leftMs, { summary: why })) ? null : { kind: 'time' };
  }

  /** Pages and files, beside the rollout: they are retried a few times, and nothing waits for them but the end. */
  private tell(loaded: LoadedPlan, effect: Effect): void {
    if (effect.kind === 'record') return this.decisions.add(loaded, effect.decision);
    const { notify, recordBaseline } = activities();
    const release = this.state.report?.stable ?? '';
    const telling =
      effect.kind === 'page'
        ? notify({
            severity: effect.severity,
            title: effect.title,
            text: effect.text,
            dedupeKey: `${workflowInfo().runId}/${this.telling.length}`,
          })
        : recordBaseline({ release, opening: effect.opening, closing: effect.closing });
    this.telling.push(telling.catch(() => {}));
  }

  private show(): void {
    this.card.show(this.loaded, this.state);
  }
}
