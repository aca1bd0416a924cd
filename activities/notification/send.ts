import { ApplicationFailure } from '@temporalio/activity';
import { request } from 'undici';
import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import type { WebhookRoute } from '../../domain/notification/webhook-message.ts';
import { webhookMessage } from '../../domain/notification/webhook-message.ts';
import type { DedupStoreDeps } from './dedup-store.ts';
import { createDedupStore } from './dedup-store.ts';
import type { Notification } from '../../domain/notification/notification.ts';

export interface NotifyDeps extends DedupStoreDeps {
  /** By severity; null: the log alone. */
  readonly routes: { readonly [severity in Notification['severity']]: WebhookRoute | null };
}

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

/** The key goes along: where this process died between sending and remembering, the receiver can tell. */
async function post({ url, ...route }: WebhookRoute, notification: Notification): Promise<void> {
  const answer = await request(url, {
    method: 'POST',
    ...webhookMessage(route, notification),
    signal: AbortSignal.timeout(10_000),
  });
  await answer.body.dump();
  if (answer.statusCode < 300) return;
  const message = `the webhook answered ${answer.statusCode}`;
  const seconds = Number(answer.headers['retry-after']);
  if (answer.statusCode !== 429 || !(seconds > 0)) throw new Error(message);
  // It says itself when it will take one again.
  throw ApplicationFailure.create({ message, nextRetryDelay: Math.min(seconds, 300) * 1000 });
}
