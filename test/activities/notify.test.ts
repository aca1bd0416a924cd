import { afterEach, describe, expect, it } from 'vitest';
import { createNotify } from '../../activities/notify.ts';
import type { TestServer } from './http-server.ts';
import { startServer } from './http-server.ts';

const page = { severity: 'critical', title: 'rolling back', text: 'errors', dedupeKey: 'run-1/3' } as const;

let server: TestServer | null = null;
afterEach(() => server?.close());

describe('paging a person', () => {
  it('writes to the log where there is no webhook, once for each key', async () => {
    const logged: unknown[] = [];
    const { notify } = createNotify({ log: (...line) => logged.push(line), webhookUrl: null });
    await notify(page);
    await notify(page);
    await notify({ ...page, dedupeKey: 'run-1/4', severity: 'info' });
    expect(logged).toEqual([
      ['error', 'rolling back: errors', { dedupeKey: 'run-1/3' }],
      ['info', 'rolling back: errors', { dedupeKey: 'run-1/4' }],
    ]);
  });

  it('tries again until the webhook has taken the message, and then no more', async () => {
    let status = 500;
    server = await startServer(() => ({ status, body: {} }));
    const { notify } = createNotify({ log: () => {}, webhookUrl: server.url });
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
});
