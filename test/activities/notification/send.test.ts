import { rollbackCommand } from '../../../domain/notification/commands.ts';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/activity';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NotifyDeps } from '../../../activities/notification/send.ts';
import { createNotify } from '../../../activities/notification/send.ts';
import type { TestServer } from '../../support/http-server.ts';
import { startServer } from '../../support/http-server.ts';

const page = { severity: 'critical', title: 'rolling back', text: 'errors', dedupeKey: 'run-1/3' } as const;
const NOWHERE: NotifyDeps['routes'] = { critical: null, warning: null, info: null };

let server: TestServer;
let status = 200;
let headers: Record<string, string> = {};
let folder = '';
beforeEach(async () => {
  [status, headers] = [200, {}];
  server = await startServer(() => ({ status, body: {}, headers }));
  folder = await mkdtemp(join(tmpdir(), 'notify-'));
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const everywhere = (format: 'json' | 'slack' = 'json'): NotifyDeps['routes'] => {
  const route = (path: string) => ({ url: `${server.url}/${path}`, format, key: '' });
  return { critical: route('page'), warning: route('chat'), info: null };
};
const notifier = (more: Partial<NotifyDeps> = {}) =>
  createNotify({ log: () => {}, routes: everywhere(), sentFile: null, ...more });

describe('telling a person', () => {
  it('[H1] writes to the log where there is no webhook, once for each key', async () => {
    const logged: unknown[] = [];
    const { notify } = notifier({ log: (...line) => logged.push(line), routes: NOWHERE });
    await notify(page);
    await notify(page);
    await notify({ ...page, dedupeKey: 'run-1/4', severity: 'info' });
    expect(logged).toEqual([
      ['error', 'rolling back: errors', { dedupeKey: 'run-1/3' }],
      ['info', 'rolling back: errors', { dedupeKey: 'run-1/4' }],
    ]);
  });

  it('says where it went, without what lets somebody else write there', async () => {
    expect(await notifier().notify(page)).toEqual({
      to: `the log and ${new URL(server.url).host} (json)`,
    });
    expect(await notifier({ routes: NOWHERE }).notify(page)).toEqual({ to: 'the log' });
  });

  it('is sent once also where two are asked for at the same moment, and by the second where the first fails', async () => {
    const { notify } = notifier();
    await Promise.all([notify(page), notify(page), notify(page)]);
    expect(server.received).toHaveLength(1);
    status = 500;
    const other = { ...page, dedupeKey: 'run-2/1' };
    const both = await Promise.allSettled([notify(other), notify(other)]);
    expect(both.map((one) => one.status)).toEqual(['rejected', 'rejected']);
    expect(server.received).toHaveLength(3);
  });

  it('[C8] tries again until the webhook has taken the message, and then no more', async () => {
    status = 500;
    const { notify } = notifier();
    await expect(notify(page)).rejects.toThrow('the webhook answered 500');
    status = 200;
    await notify(page);
    await notify(page);
    expect(server.received).toHaveLength(2);
    expect(server.received[1]).toMatchObject({
      headers: { 'idempotency-key': 'run-1/3' },
      body: { severity: 'critical', text: 'rolling back\nerrors' },
    });
  });

  it('[H1] that no webhook takes is in the log at once, and once', async () => {
    const logged: unknown[] = [];
    const { url } = server;
    await server.close();
    const { notify } = notifier({
      log: (...line) => logged.push(line),
      routes: { ...NOWHERE, critical: { url, format: 'json', key: '' } },
    });
    await expect(notify(page)).rejects.toThrow('ECONNREFUSED');
    await expect(notify(page)).rejects.toThrow('ECONNREFUSED');
    expect(logged).toEqual([['error', 'rolling back: errors', { dedupeKey: 'run-1/3' }]]);
    server = await startServer(() => ({ status, body: {}, headers }));
  });

  it('[T9] goes by severity: critical pages, a warning goes to the chat, information to the log alone', async () => {
    const { notify } = notifier();
    for (const severity of ['critical', 'warning', 'info'] as const)
      await notify({ ...page, severity, dedupeKey: severity });
    expect(server.received.map(({ path }) => path)).toEqual(['/page', '/chat']);
  });

  it('comes back when a webhook that has enough says so', async () => {
    [status, headers] = [429, { 'retry-after': '7' }];
    const failure = await notifier()
      .notify(page)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ApplicationFailure);
    expect(failure).toMatchObject({ nextRetryDelay: 7_000, nonRetryable: false });
  });
});

describe('over a restart of the worker', () => {
  const sentFile = () => join(folder, 'deep', 'notified.json');

  it('a message that was sent is not sent again', async () => {
    await notifier({ sentFile: sentFile() }).notify(page);
    await notifier({ sentFile: sentFile() }).notify(page);
    expect(server.received).toHaveLength(1);
  });

  it('one that was not taken is', async () => {
    status = 500;
    await expect(notifier({ sentFile: sentFile() }).notify(page)).rejects.toThrow('500');
    status = 200;
    await notifier({ sentFile: sentFile() }).notify(page);
    expect(server.received).toHaveLength(2);
  });

  it('the newest thousand keys are kept, and no more', async () => {
    const { notify } = notifier({ sentFile: sentFile(), routes: NOWHERE });
    await Promise.all(Array.from({ length: 1_010 }, (_, i) => notify({ ...page, dedupeKey: `key-${i}` })));
    const { sent } = JSON.parse(await readFile(sentFile(), 'utf8')) as { sent: string[] };
    expect(sent).toHaveLength(1_000);
    expect(sent).toContain('key-1009');
    expect(sent).not.toContain('key-0');
  });

  it.each(['', '{"sent":', '{"sent":[1]}'])(
    'a damaged file (%j) is logged, and the message goes out',
    async (text) => {
      const file = join(folder, 'notified.json');
      await writeFile(file, text);
      const logged: string[] = [];
      const { notify } = notifier({ sentFile: file, log: (_level, message) => logged.push(message) });
      await notify(page);
      expect(server.received).toHaveLength(1);
      expect(logged[0]).toContain('a message may be sent again');
    },
  );
});

describe("in Slack's format", () => {
  const slack = async (text: string) => {
    await notifier({ routes: everywhere('slack') }).notify({ ...page, title: 'P95 <20 & >10>', text });
    return server.received[0]?.body as { text: string; blocks: { type: string; text?: { text: string } }[] };
  };

  it('the title is the fallback and the header, the text a section with its control characters escaped', async () => {
    const body = await slack('a < b & c');
    expect(body.text).toBe(':rotating_light: P95 &lt;20 &amp; &gt;10&gt;');
    expect(body.blocks.map(({ type }) => type)).toEqual(['header', 'section', 'context']);
    expect(body.blocks[0]?.text?.text).toBe(':rotating_light: P95 <20 & >10>');
    expect(body.blocks[1]?.text?.text).toBe('a &lt; b &amp; c');
  });

  it('a command can be copied from where it stands', async () => {
    const body = await slack(`risk: x\nusers back: ${rollbackCommand('v-1')}`);
    expect(body.blocks[1]?.text?.text).toBe('risk: x\nusers back: `bash scripts/rollback_retriever.sh v-1`');
  });

  it('stays within what Slack takes', async () => {
    const body = await slack('x'.repeat(10_000));
    expect(body.blocks[1]?.text?.text).toHaveLength(3_000);
  });

  it('has no section where there is no text, which Slack would refuse', async () => {
    expect((await slack('')).blocks.map(({ type }) => type)).toEqual(['header', 'context']);
  });
});

describe("in PagerDuty's format", () => {
  const trouble = { key: 'monitor/retriever/p95/7', severity: 'critical' } as const;
  const events = () =>
    server.received.map(
      ({ path, body }) => [path, body as { event_action?: string; dedup_key?: string }] as const,
    );

  it('one trouble is one incident, which its end resolves, though news of the end goes elsewhere', async () => {
    const { notify } = notifier({
      routes: { ...everywhere(), critical: { url: `${server.url}/page`, format: 'pagerduty', key: 'of-us' } },
    });
    await notify({ ...page, dedupeKey: 'fired', incident: { ...trouble, over: false } });
    await notify({ ...page, dedupeKey: 'reminder', incident: { ...trouble, over: false } });
    await notify({ ...page, severity: 'warning', dedupeKey: 'over', incident: { ...trouble, over: true } });
    expect(events().map(([path, { event_action: action }]) => [path, action])).toEqual([
      ['/page', 'trigger'],
      ['/page', 'trigger'],
      ['/chat', undefined],
      ['/page', 'resolve'],
    ]);
    const keys = events().flatMap(([path, { dedup_key: key }]) => (path === '/page' ? [key] : []));
    expect(new Set(keys)).toEqual(new Set([trouble.key]));
    expect(server.received[0]?.body).toEqual({
      routing_key: 'of-us',
      event_action: 'trigger',
      dedup_key: trouble.key,
      payload: {
        summary: 'rolling back',
        source: 'retriever-rollout',
        severity: 'critical',
        custom_details: { text: 'errors' },
      },
    });
  });

  it('an end that goes to the same place is sent there once', async () => {
    const route = { url: `${server.url}/page`, format: 'pagerduty', key: 'of-us' } as const;
    const { notify } = notifier({ routes: { critical: route, warning: { ...route }, info: null } });
    await notify({ ...page, severity: 'warning', incident: { ...trouble, over: true } });
    expect(events()).toHaveLength(1);
  });
});
