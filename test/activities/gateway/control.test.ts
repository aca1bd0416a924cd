import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/activity';
import { afterEach, describe, expect, it } from 'vitest';
import { controlFailure } from '../../../activities/gateway/control-failure.ts';
import { createControlClient } from '../../../clients/gateway-client.ts';
import { traffic } from '../../support/control-commands.ts';
import type { TestServer } from '../../support/http-server.ts';
import { startServer } from '../../support/http-server.ts';

let server: TestServer | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
});

async function clientOf(status: number, body: unknown) {
  server = await startServer(() => ({ status, body }));
  return createControlClient({ url: server.url, token: { value: 'secret' }, failure: controlFailure });
}

const problem = (detail: string, field?: string) => ({ title: 'Wrong', detail, ...(field ? { field } : {}) });

describe('the control client', () => {
  it.each([
    ['400', 400],
    ['404', 404],
    ['413', 413],
    ['422', 422],
  ])('gives up after %s: the request itself is wrong', async (_, status) => {
    const client = await clientOf(status, problem('percent must be 0 to 100', 'percent'));
    const error = await client
      .change({ by: 'x', commands: [traffic(101)] })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApplicationFailure);
    expect(error).toMatchObject({
      nonRetryable: true,
      message: `PUT /control answered ${status}: percent must be 0 to 100 (field percent)`,
    });
  });

  it.each([
    ['401, for a token can be put right', 401],
    ['a lost compare-and-set', 409],
    ['500', 500],
    ['503', 503],
  ])('lets Temporal retry after %s', async (_, status) => {
    const client = await clientOf(status, problem('not now'));
    const error = await client
      .takeEpoch({ owner: 'o', key: 'k', expected: { owner: '', epoch: 0 } })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(ApplicationFailure);
    expect(error).toMatchObject({ message: `POST /control/epoch answered ${status}: not now` });
  });

  it('takes a refusal by the fence for an answer', async () => {
    const refusal = { kind: 'staleEpoch', reason: 'epoch 3 is newer', epoch: 3, owner: 'hand' };
    const client = await clientOf(409, { ...problem('stale'), refusal, view: { state: { percent: 0 } } });
    expect(await client.change({ by: 'x', commands: [traffic(5)] })).toEqual({
      kind: 'refused',
      refusal,
      view: { state: { percent: 0 } },
    });
    expect(await client.renewLease({ epoch: 2, ttlMs: 10 })).toEqual({ kind: 'refused', reason: 'stale' });
  });

  it('lets Temporal retry when nobody answers', async () => {
    const client = await clientOf(200, {});
    await server?.close();
    await expect(client.view()).rejects.not.toBeInstanceOf(ApplicationFailure);
  });

  it('reads its token for each call', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'token-'));
    const file = join(folder, 'token');
    const { url, received } = (server = await startServer(() => ({ status: 200, body: {} })));
    const client = createControlClient({ url, token: { file } });
    for (const token of ['one'.padEnd(16, '1'), 'two'.padEnd(16, '2')]) {
      writeFileSync(file, `${token}\n`);
      await client.view();
    }
    rmSync(folder, { recursive: true });
    expect(received.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer one1111111111111',
      'Bearer two2222222222222',
    ]);
  });
});
