import type { Effect } from '../../domain/rollout/state.ts';
import { activities } from '../runtime/activities.ts';
import { identity } from '../runtime/identity.ts';
import type { Notification } from '../../domain/notification/notification.ts';

/** Pages and files, beside a rollout: they are retried a few times, and nothing waits for them but the end. */
export class Notifications {
  private readonly under: Promise<unknown>[] = [];
  private undone = 0;

  get isDone(): boolean {
    return this.undone === 0;
  }

  page({ severity, title, text }: Omit<Notification, 'dedupeKey'>): void {
    // With the time: after a reset the count begins at an earlier value, and what is new is sent all the same.
    const dedupeKey = `${identity().runId}/${Date.now()}/${this.under.length}`;
    this.add(activities().notify({ severity, title, text, dedupeKey }));
  }

  baseline(release: string, { opening, closing }: Effect & { readonly kind: 'recordBaseline' }): void {
    this.add(activities().recordBaseline({ release, opening, closing }));
  }

  /** Resolves when every notification is sent, or given up. */
  async settled(): Promise<void> {
    await Promise.all(this.under);
  }

  private add(sending: Promise<unknown>): void {
    this.undone++;
    const settled = sending
      .catch(() => {})
      .finally(() => {
        this.undone--;
      });
    this.under.push(settled);
  }
}
