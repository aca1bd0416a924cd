import type { Notification } from './notification.ts';

const SEVERITIES = ['info', 'warning', 'critical'] as const satisfies readonly Notification['severity'][];
const TEXTS = ['title', 'text', 'dedupeKey'] as const;

/** The message that the workflow `page` is to deliver, or every problem with it by field. */
export function readPageInput(
  raw: unknown,
): { readonly input: Notification } | { readonly problems: readonly string[] } {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    return {
      problems: [
        'the input must be an object like {"severity":"warning","title":"a test","text":"","dedupeKey":"test/1"}',
      ],
    };
  const given: Readonly<Record<string, unknown>> = { ...raw };
  const severity = SEVERITIES.find((name) => name === given['severity']);
  const fields: readonly string[] = ['severity', ...TEXTS, 'incident'];
  const { incident } = given;
  const problems = [
    ...Object.keys(given)
      .filter((name) => !fields.includes(name))
      .map((name) => `${name}: unknown field; there are ${fields.join(', ')}`),
    ...(severity === undefined
      ? [`severity: must be one of ${SEVERITIES.join(', ')}, not ${JSON.stringify(given['severity'])}`]
      : []),
    ...TEXTS.filter((name) => typeof given[name] !== 'string').map(
      (name) => `${name}: must be a text, not ${JSON.stringify(given[name])}`,
    ),
  ];
  if (incident !== undefined && !isIncident(incident))
    problems.push(
      `incident: must be like {"key":"test","over":false,"severity":"warning"}, not ${JSON.stringify(incident)}`,
    );
  if (problems.length > 0 || severity === undefined) return { problems };
  const text = (name: (typeof TEXTS)[number]) => String(given[name]);
  return {
    input: {
      severity,
      title: text('title'),
      text: text('text'),
      dedupeKey: text('dedupeKey'),
      ...(isIncident(incident) ? { incident } : {}),
    },
  };
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
