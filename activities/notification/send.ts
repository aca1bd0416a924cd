import { ApplicationFailure } from '@temporalio/activity';
import { WebhookRefusal, postWebhook } from '../../clients/webhook.ts';
import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import type { WebhookRoute } from '../../domain/notification/webhook-message.ts';
import type { DedupStoreDeps } from './dedup-store.ts';
import { createDedupStore } from './dedup-store.ts';
import type { Notification } from '../../domain/notification/notification.ts';

export interface NotifyDeps extends DedupStoreDeps {
  /** By severity; null: the log alone. */
  readonly routes: { readonly [severity in Notification['severity']]: WebhookRoute | null };
}

/** A webhook may ask for longer; the workflow tries until then in any case. */
const MOST_RETRY_MS = 300_000;
const LEVEL = { info: 'info', warning: 'warn', critical: 'error' } as const;

/**
 * Sends a notification by the route of its severity. A webhook that refuses the message throws, so that Temporal tries
 * again; a key that was sent is not sent again, even after a restart. The message is logged first, once for each key, whether
 * the post succeeds or not.
 */
export function createNotify(deps: NotifyDeps): Pick<RolloutActivities, 'notify'> {
  const sent = createDedupStore(deps);
  const logged = createDedupStore({ ...deps, sentFile: null });
  /** By key: of two at once with the same one, the second waits and finds it sent. */
  const underWay = new Map<string, Promise<{ readonly to: string }>>();

  async function send(notification: Notification) {
    const { severity, title, text, dedupeKey } = notification;
    const route = deps.routes[severity];
    const delivery = { to: placeOf(route) };
    if (await sent.has(dedupeKey)) return delivery;
    if (!(await logged.has(dedupeKey))) deps.log(LEVEL[severity], `${title}: ${text}`, { dedupeKey });
    await logged.add(dedupeKey);
    for (const to of recipientsOf(deps.routes, notification)) await post(to, notification);
    await sent.add(dedupeKey);
    return delivery;
  }

  return {
    async notify(notification: Notification) {
      const { dedupeKey } = notification;
      const before = underWay.get(dedupeKey);
      const mine = before === undefined ? send(notification) : before.then(again, again);
      function again() {
        return send(notification);
      }
      underWay.set(dedupeKey, mine);
      try {
        return await mine;
      } finally {
        if (underWay.get(dedupeKey) === mine) underWay.delete(dedupeKey);
      }
    },
  };
}

/** The severity's own way; and where an incident was opened elsewhere, as news that it is over is less severe, that as well. */
function recipientsOf(routes: NotifyDeps['routes'], { severity, incident }: Notification): WebhookRoute[] {
  const opened = incident?.over === true ? routes[incident.severity] : null;
  const own = routes[severity];
  const closing = opened?.format === 'pagerduty' && opened.url !== own?.url ? opened : null;
  return [own, closing].filter((route) => route !== null);
}

/** A webhook by its host alone: its path is what lets somebody write there. */
function placeOf(route: WebhookRoute | null): string {
  return route === null ? 'the log' : `the log and ${new URL(route.url).host} (${route.format})`;
}

async function post(route: WebhookRoute, notification: Notification): Promise<void> {
  try {
    await postWebhook(route, notification);
  } catch (error) {
    if (!(error instanceof WebhookRefusal) || error.retryAfterMs === null) throw error;
    // It says itself when it will take one again.
    const nextRetryDelay = Math.min(error.retryAfterMs, MOST_RETRY_MS);
    throw ApplicationFailure.create({ message: error.message, nextRetryDelay });
  }
}
