import { appendFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { TestGateway } from '../support/gateway-process.ts';
import { createTestGateway } from '../support/gateway-process.ts';

let releases = '';
let gateway: TestGateway;
let log = '';
let authorization = '';
beforeAll(async () => {
  releases = await releasesFolder(await smallRelease('v-1'));
  gateway = await createTestGateway(releases);
  await gateway.start();
  log = join(gateway.folder, 'state/ingest/log.jsonl');
  authorization = `Bearer ${(await readFile(join(gateway.folder, 'ingest-token'), 'utf8')).trim()}`;
});
afterAll(async () => {
  await gateway.close();
  await rm(releases, { recursive: true });
});

/** Posts the bytes of a Latin-1 text. */
async function post(path: string, body: string) {
  const answer = await request(gateway.url() + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization },
    body: Buffer.from(body, 'latin1'),
  });
  return { status: answer.statusCode, type: answer.headers['content-type'], body: await answer.body.json() };
}

describe('a body that is not UTF-8', () => {
  it.each([
    ['/search', '{"text":"K\xf6ln"}', 'text', 10],
    ['/search', '{"text":"Rhine","exclude":["a","Stra\xdfe"]}', 'exclude[1]', 36],
    ['/search', '{"context":["a","b","c","d","caf\xe9"]}', 'context[4]', 32],
    ['/encode', '{"texts":["a","\xed\xa0\xbd\xed\xb8\x80"]}', 'texts[1]', 15],
    ['/feedback', '{"requestId":"a","id":"\xc3"}', 'id', 23],
    ['/ingest', '{"article":"K\xf6ln","seq":0,"text":"Die Stra\xdfe."}', 'article', 13],
    ['/ingest', '{"article":"Rhine","seq":0,"text":"Die Stra\xdfe."}', 'text', 43],
    ['/ingest', '{"article":"Rhine","seq":0,"text":"cut \xe2\x80', 'body', 39],
  ])('is refused by %s: %s', async (path, body, field, byte) => {
    const before = await readFile(log);
    const answer = await post(path, body);
    expect(answer).toMatchObject({ status: 400, type: expect.stringContaining('application/problem+json') });
    expect(answer.body).toMatchObject({
      status: 400,
      field,
      byte,
      detail: expect.stringContaining('is not UTF-8; write the text as UTF-8'),
    });
    expect(await readFile(log)).toEqual(before);
  });

  it.each([
    ['/search', '{"text":"a\\ud83d b"}', 'text'],
    ['/search', '{"text":"a","exclude":["\\udc00"]}', 'exclude[0]'],
    ['/encode', '{"texts":["\\uD800"]}', 'texts[0]'],
    ['/ingest', '{"article":"A","seq":0,"text":"a\\ude00"}', 'text'],
    ['/ingest', '{"article":"A","seq":0,"text":"a","id":"\\ud83dx"}', 'id'],
  ])('nor is half of a surrogate pair taken by %s: %s', async (path, body, field) => {
    const before = await readFile(log);
    const { status, body: problem } = await post(path, body);
    expect({ status, problem }).toMatchObject({
      status: 400,
      problem: { field, detail: expect.stringContaining('half of a surrogate pair') },
    });
    expect(await readFile(log)).toEqual(before);
  });

  it('is distinguished from one that is: text of any script, a whole pair as escapes, a byte-order mark', async () => {
    const text = Buffer.from('{"text":"Köln \u2028 \\ud83d\\ude00 \ufffd"}').toString('latin1');
    expect(await post('/search', text)).toMatchObject({ status: 200 });
    expect(await post('/search', `\xef\xbb\xbf${text}`)).toMatchObject({ status: 200 });
  });
});

it('a line of the ingest log that is not UTF-8 is passed over, and the ones behind it are found', async () => {
  const record = { op: 'remove', id: 'K\xf6ln' };
  await appendFile(log, Buffer.from(`${JSON.stringify(record)}\n`, 'latin1'));
  const put = await gateway.ingest({
    article: 'Basalt',
    seq: 7,
    text: 'Columns of\u2028basalt cool slowly.',
  });
  expect(put.status).toBe(200);
  const found = async () =>
    (await gateway.search({ text: 'columns of basalt that cool', k: 1 })).body.results[0].id;
  await expect.poll(found, { timeout: 10_000 }).toBe('Basalt#7');
  expect(await gateway.log()).toContain('was passed over');
});
