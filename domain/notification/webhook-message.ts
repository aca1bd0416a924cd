import type { Notification } from './notification.ts';
import { SettingsError } from '../core/settings.ts';
import { pagerDutyEvent } from './pagerduty-event.ts';
import { slackMessage } from './slack-message.ts';

/** Our own JSON, the message of a Slack incoming webhook, an event of PagerDuty's Events API v2. */
export type WebhookFormat = 'json' | 'slack' | 'pagerduty';

/** A webhook and what it takes. */
export interface WebhookRoute {
  readonly url: string;
  readonly format: WebhookFormat;
  /** PagerDuty's integration key; empty for other formats. */
  readonly key: string;
}

const BODIES: Readonly<Record<WebhookFormat, (notification: Notification, key: string) => object>> = {
  json: (notification) => ({
    ...notification,
    text: `${notification.title}
${notification.text}`,
  }),
  slack: slackMessage,
  pagerduty: pagerDutyEvent,
};

/**
 * The route to a webhook; null without an address.
 * @throws SettingsError where the format needs a key and there is none
 */
export function webhookRoute(
  url: string | undefined,
  format: WebhookFormat,
  key: string | undefined,
): WebhookRoute | null {
  if (url === undefined) return null;
  if (format === 'pagerduty' && key === undefined)
    throw new SettingsError(
      'NOTIFY_PAGERDUTY_KEY: is missing; a route of format pagerduty needs the integration key of its service',
    );
  return { url, format, key: key ?? '' };
}

/** A notification as a POST in a webhook's format. The key goes along: the receiver can tell one that is sent twice. */
export function webhookMessage(
  { format, key }: Omit<WebhookRoute, 'url'>,
  notification: Notification,
): { readonly headers: Readonly<Record<string, string>>; readonly body: string } {
  return {
    headers: { 'content-type': 'application/json', 'idempotency-key': notification.dedupeKey },
    body: JSON.stringify(BODIES[format](notification, key)),
  };
}
