import { setHandler } from '@temporalio/workflow';
import type { Message, MessageName } from '../domain/rollout-messages.ts';
import { MESSAGES, isForAnother, readMessage } from '../domain/rollout-messages.ts';
import type { RolloutStatus } from '../domain/status.ts';
import { identity } from './identity.ts';
import { signals, updates } from './messages.ts';

/** What an update answers by: the status once all in the inbox is taken up, and what is against a message then. */
interface Ahead {
  status(): RolloutStatus;
  objection(name: MessageName): string | null;
}

/** Messages that the loop has not taken up yet: handlers record, the loop decides. */
export class Inbox {
  private readonly messages: Message[] = [];

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
    return this.messages.splice(0);
  }

  /** For each name a signal and an update. Handlers take anything and never throw; validators are synchronous. */
  listen(ahead: Ahead): void {
    for (const name of MESSAGES) {
      const record = (payload: unknown) => {
        if (!isForAnother(payload, identity().runId)) this.messages.push(readMessage(name, payload));
      };
      setHandler(signals[name], record, { description: `${name}; takes an optional {"reason","by"}` });
      setHandler(
        updates[name],
        (payload?: unknown) => {
          record(payload);
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
    }
  }
}
