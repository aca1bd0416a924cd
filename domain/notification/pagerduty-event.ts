import type { Notification } from './notification.ts';

/** PagerDuty's limits of a summary and of a key, in characters. */
const LONGEST_SUMMARY = 1_024;
const LONGEST_KEY = 255;

/**
 * A notification as an event of PagerDuty's Events API v2: it triggers an incident, and resolves it where the trouble is
 * over. Messages about one trouble have one key, so that a reminder opens no second incident.
 */
export function pagerDutyEvent(
  { severity, title, text, dedupeKey, incident }: Notification,
  key: string,
): Record<string, unknown> {
  return {
    routing_key: key,
    event_action: incident?.over === true ? 'resolve' : 'trigger',
    dedup_key: (incident?.key ?? dedupeKey).slice(0, LONGEST_KEY),
    payload: {
      summary: title.slice(0, LONGEST_SUMMARY),
      source: 'retriever-rollout',
      severity,
      custom_details: { text },
    },
  };
}
