import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SearchRequest } from '../../domain/control/http.ts';
import { probeRequest } from '../../retrieval/evaluation/probe-check.ts';
import { loadProbes } from '../../retrieval/evaluation/set.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { TestGateway } from '../support/gateway-process.ts';
import { createTestGateway } from '../support/gateway-process.ts';

const FLOOD = 400;

let releases = '';
let query = {};
let gateway: TestGateway;
beforeAll(async () => {
  releases = await releasesFolder(await smallRelease('v-1'));
  const [probe] = await loadProbes(join(releases, 'v-1'));
  if (probe !== undefined) query = probeRequest(probe);
  gateway = await createTestGateway(releases);
  await gateway.start();
});
afterAll(async () => {
  await gateway.close();
  await rm(releases, { recursive: true });
});

describe('a flood of texts', () => {
  it.each<[string, (i: number) => SearchRequest]>([
    ['one each', (i) => ({ text: `flood number ${i}`, k: 1 })],
    ['five each', (i) => ({ context: Array.from({ length: 5 }, (_, j) => `flood of five ${i} ${j}`), k: 1 })],
  ])('%s, is answered or gets a Retry-After, and vectors are served meanwhile', async (_, body) => {
    const texts = Array.from({ length: FLOOD }, async (__, i) => gateway.search(body(i)));
    const vectors = Array.from({ length: 20 }, async () => gateway.search(query));
    expect((await Promise.all(vectors)).map(({ status }) => status)).toEqual(
      Array.from({ length: 20 }, () => 200),
    );
    const answers = await Promise.all(texts);
    const refused = answers.filter(({ status }) => status === 503);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(40);
    expect(refused.length).toBeGreaterThan(0);
    expect(answers.length).toBe(FLOOD);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 503]));
    for (const { headers, body: problem } of refused) {
      expect(headers['retry-after']).toBe('1');
      expect(problem).toMatchObject({ status: 503, detail: expect.any(String) });
    }
    expect((await gateway.search({ text: 'after the flood' })).status).toBe(200);
  });
});

describe('clients that are slow', () => {
  const { hostname, port } = { hostname: '127.0.0.1', port: () => Number(new URL(gateway.url()).port) };
  const open = async (sent: string): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = connect(port(), hostname, () => socket.write(sent, () => resolve(socket)));
      socket.on('error', reject);
    });

  it('cost nobody an answer, and are cut off', async () => {
    const sent = [
      '',
      'POST /search HTTP/1.1\r\nhost: a\r\ncontent-le',
      'POST /search HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n{"text":',
    ];
    const sockets = await Promise.all(Array.from({ length: 600 }, async (_, i) => open(sent[i % 3] ?? '')));
    for (const socket of sockets) socket.resume();
    expect((await gateway.search(query)).status).toBe(200);
    await expect.poll(() => sockets.filter(({ closed }) => !closed).length, { timeout: 30_000 }).toBe(0);
    expect((await gateway.search(query)).status).toBe(200);
  });

  it('a body that never ends is refused once it is too large', async () => {
    const socket = await open('POST /search HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n');
    const answered: string[] = [];
    socket.on('data', (data) => answered.push(String(data)));
    const block = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    // Not faster than the answer: what is sent into a closed connection resets it, and the answer is lost.
    for (let i = 0; i < 40 && answered.length === 0 && !socket.destroyed; i++) {
      socket.write(block);
      await pause(20);
    }
    expect(answered.join('')).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
  });
});
