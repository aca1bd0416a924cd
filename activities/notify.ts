import { request } from 'undici';
import type { Notification, RolloutActivities } from '../domain/contract.ts';

export interface NotifyDeps {
  readonly log: (
    level: 'info' | 'warn' | 'error',
    message: string,
    attributes: Record<string, unknown>,
  ) => void;
  /** Where a message is posted as JSON, e.g. a chat's incoming webhook; null: the log alone. */
  readonly webhookUrl: string | null;
}

const LEVEL = { info: 'info', warning: 'warn', critical: 'error' } as const;

/** Pages a person. A webhook that does not take the message throws, so that Temporal tries again. */
export function createNotify({ log, webhookUrl }: NotifyDeps): Pick<RolloutActivities, 'notify'> {
  const sent = new Set<string>();
  return {
    async notify(notification: Notification) {
      if (sent.has(notification.dedupeKey)) return;
      if (webhookUrl !== null) await post(webhookUrl, notification);
      sent.add(notification.dedupeKey);
      log(LEVEL[notification.severity], `${notification.title}: ${notification.text}`, {
        dedupeKey: notification.dedupeKey,
      });
    },
  };
}

/** The key goes along: after a worker's restart only the receiver can tell that it has seen this one. */
async function post(url: string, notification: Notification): Promise<void> {
  const answer = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': notification.dedupeKey },
    body: JSON.stringify({ ...notification, text: `${notification.title}\n${notification.text}` }),
    signal: AbortSignal.timeout(10_000),
  });
  await answer.body.dump();
  if (answer.statusCode >= 300) throw new Error(`the webhook answered ${answer.statusCode}`);
}
