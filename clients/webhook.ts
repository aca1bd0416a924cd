import { request } from 'undici';
import type { Notification } from '../domain/notification/notification.ts';
import type { WebhookRoute } from '../domain/notification/webhook-message.ts';
import { webhookMessage } from '../domain/notification/webhook-message.ts';

const POST_WITHIN_MS = 10_000;

/** A webhook that did not take a message, and when it will take one again, where it says so. */
export class WebhookRefusal extends Error {
  readonly retryAfterMs: number | null;

  constructor(status: number, retryAfterSeconds: number) {
    super(`the webhook answered ${status}`);
    this.retryAfterMs = status === 429 && retryAfterSeconds > 0 ? retryAfterSeconds * 1000 : null;
  }
}

/**
 * Sends a message by its route. Its key goes along: where the sender died before it remembered, the receiver can tell.
 * @throws WebhookRefusal where the answer is not below 300; the error of the connection where none comes within 10 s
 */
export async function postWebhook(
  { url, ...route }: WebhookRoute,
  notification: Notification,
): Promise<void> {
  const answer = await request(url, {
    method: 'POST',
    ...webhookMessage(route, notification),
    signal: AbortSignal.timeout(POST_WITHIN_MS),
  });
  await answer.body.dump();
  if (answer.statusCode >= 300)
    throw new WebhookRefusal(answer.statusCode, Number(answer.headers['retry-after']));
}
