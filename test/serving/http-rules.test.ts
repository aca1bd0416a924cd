import { readFile, rm } from 'node:fs/promises';
import { request as nodeRequest } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestGateway } from '../support/gateway-process.ts';
import { createTestGateway, oldAndNew, ready } from '../support/gateway-process.ts';

let releases = '';
let query = Buffer.alloc(0);
let gateway: TestGateway;
/** Addresses of the three kinds of listener. */
let at: Record<'gateway' | 'control' | 'lane', string>;
let token: Record<'control' | 'ingest', string>;
beforeAll(async () => {
  const world = await oldAndNew();
  ({ releases } = world);
  query = Buffer.from(JSON.stringify(world.query));
  gateway = await createTestGateway(releases);
  await gateway.start();
  const { lanes } = await gateway.until(ready('stable'));
  at = { gateway: gateway.url(), control: gateway.controlUrl(), lane: lanes.stable?.url ?? '' };
  const read = async (name: string) => (await readFile(join(gateway.folder, name), 'utf8')).trim();
  token = { control: await read('token'), ingest: await read('ingest-token') };
});
afterAll(async () => {
  await gateway.close();
  await rm(releases, { recursive: true });
});

interface Said {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  // Answers of every shape.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

/** The address and the header as they are: a client library would mend them. */
async function send(
  base: string,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body: Buffer = Buffer.alloc(0),
): Promise<Said> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const length = body.length > 0 || method === 'POST' ? { 'content-length': String(body.length) } : {};
    const sent = nodeRequest(
      { hostname, port, method, path, headers: { ...length, ...headers } },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const isJson = String(answer.headers['content-type']).includes('json');
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            body: isJson && text !== '' ? JSON.parse(text) : text,
          });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Bytes over a bare connection; resolves with what came back until it was closed. */
async function bare(base: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    let said = '';
    socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
    socket.on('close', () => resolve(said));
    socket.on('error', reject);
    socket.setTimeout(5_000, () => socket.end());
  });
}

const LISTENERS = ['gateway', 'control', 'lane'] as const;
const authorised = (listener: (typeof LISTENERS)[number]) =>
  listener === 'control' ? { authorization: `Bearer ${token.control}` } : {};
const searchPath = (listener: (typeof LISTENERS)[number]) =>
  listener === 'control' ? '/control/search/stable' : '/search';

describe.each(LISTENERS)('a search asked of the %s', (listener) => {
  const search = async (headers: Record<string, string>, body: Buffer) =>
    send(at[listener], 'POST', searchPath(listener), { ...authorised(listener), ...headers }, body);

  it.each([
    'application/json',
    'Application/JSON; Charset=UTF-8',
    'APPLICATION/JSON;charset="utf-8"',
    'application/json ; charset=utf8; x=y',
    'application/vnd.search+json',
    'application/x-www-form-urlencoded',
    'text/plain;charset=UTF-8',
  ])('reads %s', async (type) => {
    expect(await search({ 'content-type': type }, query)).toMatchObject({ status: 200 });
  });

  it('reads bytes of float32 whatever the case of their type', async () => {
    const { context } = JSON.parse(query.toString()) as { context: number[][] };
    const bytes = Buffer.from(Float32Array.from(context.flat()).buffer);
    const path = `${searchPath(listener)}?kind=context`;
    const headers = { ...authorised(listener), 'content-type': 'Application/Octet-Stream' };
    expect(await send(at[listener], 'POST', path, headers, bytes)).toMatchObject({ status: 200 });
  });

  it.each([
    'application/json; charset=utf-16',
    'application/json; CHARSET="ISO-8859-1"',
    'image/png',
    'application/xml',
    'json',
    'application/',
  ])('refuses %s with 415', async (type) => {
    expect(await search({ 'content-type': type }, query)).toMatchObject({
      status: 415,
      body: { status: 415, title: 'Unsupported media type' },
    });
  });

  it.each(['gzip', 'GZIP', 'x-gzip'])('inflates %s', async (coding) => {
    const answer = await search({ 'content-encoding': coding }, gzipSync(query));
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.body.results).toEqual((await search({}, query)).body.results);
  });

  it.each(['br', 'deflate', 'gzip, gzip', 'zstd'])(
    'refuses the coding %s, and says which it takes',
    async (coding) => {
      expect(await search({ 'content-encoding': coding }, query)).toMatchObject({
        status: 415,
        headers: { 'accept-encoding': 'gzip, identity' },
        body: { field: 'content-encoding' },
      });
    },
  );

  it.each<[string, () => Buffer, number]>([
    ['a body that inflates to 64 MiB', () => gzipSync(Buffer.alloc(64 * 1024 * 1024)), 413],
    ['a body that is no gzip', () => query, 400],
    ['half of a gzip', () => gzipSync(query).subarray(0, 60), 400],
  ])('refuses %s', async (_what, body, status) => {
    expect(await search({ 'content-encoding': 'gzip' }, body())).toMatchObject({
      status,
      body: { field: 'body' },
    });
    expect(await search({}, query)).toMatchObject({ status: 200 });
  });

  it('refuses no body at all', async () => {
    expect(await search({}, Buffer.alloc(0))).toMatchObject({ status: 400, body: { field: 'body' } });
  });

  it('goes on after Expect: 100-continue', async () => {
    expect(await search({ expect: '100-continue' }, query)).toMatchObject({ status: 200 });
  });
});

describe.each(LISTENERS)('an address of the %s', (listener) => {
  const ask = async (method: string, path: string) => send(at[listener], method, path, authorised(listener));

  it.each(['/%zz', '/%', '/search/%E0%A4%A', '/search?k=%E0%A4%A', '/search?%zz=1', '/nothing?a=1&b=%ff'])(
    'with the wrong percent-encoding %s is a problem',
    async (path) => {
      const { status, headers, body } = await ask('POST', path);
      expect([status, body.status]).toEqual([400, 400]);
      expect(headers['content-type']).toContain('application/problem+json');
    },
  );

  it.each([
    ['GET', '/nothing'],
    ['GET', '/search/'],
    ['DELETE', '/search//'],
    ['PROPFIND', '/nothing'],
  ])('that is not there is a problem: %s %s', async (method, path) => {
    const { status, headers, body } = await ask(method, path);
    expect([status, body.status]).toEqual([404, 404]);
    expect(headers['content-type']).toContain('application/problem+json');
  });

  it('that takes another method names those in Allow, as OPTIONS does', async () => {
    const path = searchPath(listener);
    expect(await ask('GET', path)).toMatchObject({
      status: 405,
      headers: { allow: 'OPTIONS, POST' },
      body: { status: 405, title: 'Method not allowed' },
    });
    expect(await ask('OPTIONS', path)).toMatchObject({
      status: 204,
      headers: { allow: 'OPTIONS, POST' },
      body: '',
    });
    const readable = listener === 'control' ? '/control' : '/health';
    expect((await ask('HEAD', readable)).status).toBe(200);
    expect((await ask('PATCH', readable)).headers['allow']).toContain('GET, HEAD, OPTIONS');
  });

  it.each([
    ['what is no HTTP', 'hello\r\n\r\n', 400],
    ['a method that nobody knows', 'FETCH / HTTP/1.1\r\nhost: a\r\n\r\n', 400],
    [
      'two lengths',
      'POST /search HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}',
      400,
    ],
    ['a header of 100 kB', `GET /health HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(100_000)}\r\n\r\n`, 431],
  ])('answers %s with a problem', async (_what, bytes, status) => {
    const said = await bare(at[listener], bytes);
    expect(said).toMatch(
      new RegExp(`^HTTP/1.1 ${status} [^]*application/problem\\+json[^]*"status":${status}`),
    );
  });
});

describe('a token', () => {
  it.each(['Bearer', 'bearer', 'BEARER', 'Bearer '])('is heard with the scheme %s', async (scheme) => {
    const control = { authorization: `${scheme} ${token.control}` };
    expect(await send(at.control, 'GET', '/control', control)).toMatchObject({ status: 200 });
    const ingest = { authorization: `${scheme} ${token.ingest}` };
    expect(await send(at.gateway, 'DELETE', '/ingest/nobody', ingest)).toMatchObject({ status: 200 });
  });

  it.each(['Basic', 'Bearer x', 'bearerx', ''])(
    'is not with the scheme %j, and the answer says which it is',
    async (scheme) => {
      const control = { authorization: `${scheme} ${token.control}` };
      expect(await send(at.control, 'GET', '/control', control)).toMatchObject({
        status: 401,
        headers: { 'www-authenticate': 'Bearer' },
        body: { status: 401 },
      });
    },
  );
});

describe('DELETE of a chunk', () => {
  const remove = async (id: string) => gateway.forget(id);

  it('says that it is not known', async () => {
    expect(await remove('nobody#1')).toMatchObject({ status: 200, body: { id: 'nobody#1', known: false } });
  });

  it('says that it was, also right after it came, and not a second time', async () => {
    await gateway.ingest({ article: 'Basalt', seq: 1, text: 'Columns of basalt cool slowly.' });
    expect(await remove('Basalt#1')).toMatchObject({ status: 200, body: { known: true } });
    expect(await remove('Basalt#1')).toMatchObject({ status: 200, body: { known: false } });
  });

  it('does not know while stable is away, and is kept all the same', async () => {
    const { lanes } = await gateway.until(ready('stable'));
    process.kill(lanes.stable?.pid ?? 0, 'SIGKILL');
    await gateway.until(({ lanes: { stable } }) => stable?.state === 'down');
    expect(await remove('Basalt#1')).toMatchObject({ status: 200, body: { known: null } });
  });

  it.each(['', '%zz', 'a'.repeat(300)])('refuses the id %j', async (id) => {
    const answer = await send(at.gateway, 'DELETE', `/ingest/${id}`, {
      authorization: `Bearer ${token.ingest}`,
    });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });
});
