import type { Notification } from './notification.ts';

/** Slack's limits of a header and of a section, in characters. */
const LONGEST_HEADER = 150;
const LONGEST_SECTION = 3_000;

const SIGN = { critical: ':rotating_light:', warning: ':warning:', info: ':information_source:' } as const;

/** A notification as the body of a Slack incoming webhook: the title as header, then the text, in which commands are code. */
export function slackMessage({ severity, title, text }: Notification): Record<string, unknown> {
  const body = escaped(text);
  return {
    // What a phone shows, and what is read aloud.
    text: `${SIGN[severity]} ${escaped(title)}`,
    blocks: [
      {
        type: 'header',
        text: { type: 'plain_text', emoji: true, text: cut(`${SIGN[severity]} ${title}`, LONGEST_HEADER) },
      },
      // A section may not be empty.
      ...(body === ''
        ? []
        : [{ type: 'section', text: { type: 'mrkdwn', text: cut(body, LONGEST_SECTION) } }]),
      { type: 'context', elements: [{ type: 'mrkdwn', text: `severity *${severity}*` }] },
    ],
  };
}

/** The three characters that Slack reads as control characters. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
}
