import type { FieldRule, InputResult } from '../core/input-reader.ts';
import { aText, oneOf, readFields } from '../core/input-reader.ts';
import type { Notification } from './notification.ts';

const SEVERITIES = ['info', 'warning', 'critical'] as const satisfies readonly Notification['severity'][];

const INCIDENT: FieldRule<NonNullable<Notification['incident']>> = {
  expected: 'like {"key":"test","over":false,"severity":"warning"}',
  fits: isIncident,
};
const ABOUT = {
  fields: ['severity', 'title', 'text', 'dedupeKey', 'incident'],
  example: '{"severity":"warning","title":"a test","text":"","dedupeKey":"test/1"}',
};

/** The message that the workflow `page` is to deliver, or every problem with it by field. */
export function readPageInput(raw: unknown): InputResult<Notification> {
  return readFields(raw, ABOUT, (field) => {
    const incident = field('incident', INCIDENT, null);
    return {
      severity: field('severity', oneOf(...SEVERITIES)),
      title: field('title', aText),
      text: field('text', aText),
      dedupeKey: field('dedupeKey', aText),
      ...(incident === null ? {} : { incident }),
    };
  });
}

function isIncident(value: unknown): value is NonNullable<Notification['incident']> {
  if (typeof value !== 'object' || value === null) return false;
  const { key, over, severity, ...more }: Readonly<Record<string, unknown>> = { ...value };
  const isSeverity = SEVERITIES.some((name) => name === severity);
  return typeof key === 'string' && typeof over === 'boolean' && isSeverity && Object.keys(more).length === 0;
}

/** How long a message is tried for: who sleeps is woken after a long outage too, but news of yesterday is no news. */
export function pageLastsMs({ severity }: Pick<Notification, 'severity'>): number {
  return (severity === 'critical' ? 24 : 2) * 3_600_000;
}
