import {
  CancellationScope,
  condition,
  setDefaultSignalHandler,
  setHandler,
  sleep,
} from '@temporalio/workflow';
import type { Message, MessageName } from '../../domain/rollout/operator-message.ts';
import { MESSAGES, isForAnother, readMessage } from '../../domain/rollout/operator-message.ts';
import type { RolloutStatus } from '../../domain/rollout/status/status.ts';
import { identity } from './identity.ts';
import { signals, updates } from './messages.ts';

/** What an update answers by: the status once all in the inbox is taken up, and what is against a message then. */
interface Ahead {
  status(): RolloutStatus;
  objection(name: MessageName): string | null;
}

/**
 * Signals that one workflow task takes. The SDK ends a task after 5 s of computing, and with it the whole worker process; a
 * signal costs about 1 ms, most of it in the SDK's promises, and one task may bring the 10,000 that the server accepts.
 */
const AT_ONCE = 400;

const isMessage = (name: string): name is MessageName => MESSAGES.some((one) => one === name);

/** Messages that the loop has not taken up yet: handlers record, the loop decides. */
export class Inbox {
  private readonly messages: Message[] = [];
  /** Signals since the inbox was last empty, also those for another run. */
  private heard = 0;
  /** Signals wait in the SDK, unread, until the inbox has been taken up. */
  private isFull = false;

  get isEmpty(): boolean {
    return this.messages.length === 0;
  }

  /** A rollback is waited for by users: it interrupts what is being done. */
  get hasRollback(): boolean {
    return this.messages.some(({ name }) => name === 'rollback');
  }

  /** What is in it, in order, without taking it up. */
  waiting(): readonly Message[] {
    return this.messages;
  }

  takeAll(): Message[] {
    if (!this.isFull) this.heard = 0;
    return this.messages.splice(0);
  }

  /** For each name a signal and an update. Handlers take anything and never throw; validators are synchronous. */
  listen(ahead: Ahead): void {
    for (const name of MESSAGES)
      setHandler(
        updates[name],
        (payload?: unknown) => {
          this.record(name, payload);
          return ahead.status();
        },
        {
          description: `${name}, refused in a sentence where it makes no sense now`,
          validator: (_payload?: unknown) => {
            const against = ahead.objection(name);
            if (against !== null) throw new Error(against);
          },
        },
      );
    this.hear();
  }

  /** Takes the signals that wait, a rollback first and the others in their order, and listens on unless there are too many. */
  private hear(): void {
    this.hearName('rollback');
    if (!this.isFull) {
      // The handler of a name takes what waits under that name: one for all of them keeps the order.
      setDefaultSignalHandler((name, payload) => {
        if (isMessage(name)) this.onSignal(name, payload);
      });
      setDefaultSignalHandler(undefined);
    }
    if (!this.isFull) for (const name of MESSAGES) this.hearName(name);
  }

  private hearName(name: MessageName): void {
    const description = `${name}; takes an optional {"reason","by"}`;
    setHandler(signals[name], (payload) => this.onSignal(name, payload), { description });
  }

  private onSignal(name: MessageName, payload: unknown): void {
    this.record(name, payload);
    this.heard++;
    if (this.heard >= AT_ONCE && !this.isFull) this.close();
    // Behind a burst of anything else a rollback is heard at once; of rollbacks the first says it all.
    if (this.heard >= 2 * AT_ONCE) setHandler(signals.rollback, undefined);
  }

  private close(): void {
    this.isFull = true;
    setDefaultSignalHandler(undefined);
    for (const name of MESSAGES) if (name !== 'rollback') setHandler(signals[name], undefined);
    void CancellationScope.nonCancellable(() => this.reopen());
  }

  /** The timer ends the workflow task, and the next one has 5 s of its own. */
  private async reopen(): Promise<void> {
    await condition(() => this.isEmpty);
    await sleep(1, { summary: 'then more signals of a burst are taken' });
    this.isFull = false;
    this.heard = 0;
    this.hear();
  }

  private record(name: MessageName, payload: unknown): void {
    if (!isForAnother(payload, identity().runId)) this.messages.push(readMessage(name, payload));
  }
}
