import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLaneFacts } from '../../activities/lane-facts.ts';
import type { ControlView } from '../../domain/control.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { TestGateway } from '../serving/gateway-process.ts';
import { createTestGateway } from '../serving/gateway-process.ts';
import { startServer } from './http-server.ts';

const { signal } = new AbortController();
let releases = '';
let gateway: TestGateway;
beforeAll(async () => {
  releases = await releasesFolder(await smallRelease('v-1'));
  gateway = await createTestGateway(releases);
  await gateway.start();
}, 300_000);
afterAll(async () => {
  await gateway.close();
  await rm(releases, { recursive: true });
});

describe('what a lane says of itself', () => {
  it('is read from a lane that serves: its lists, and the norms of the queries it encoded', async () => {
    await gateway.search({ text: 'what is a comet?' });
    const view: ControlView = (await gateway.control('GET', '/control')).body;
    const facts = await readLaneFacts(view.lanes.stable?.url ?? null, signal);
    expect(facts?.startSeconds).toBeGreaterThan(1e9);
    expect(facts?.lists?.largest).toBeGreaterThan(facts?.lists?.median ?? Infinity);
    expect(facts?.lists?.median).toBeGreaterThan(0);
    // The first answer of a lane is looked at closely.
    expect(facts?.norms.n).toBe(1);
    expect(facts?.norms.error).toBeLessThan(1e-5);
    expect(facts?.recall).toEqual({ queries: 0, found: 0, missed: 0 });
  });

  it('is not known where nobody answers, or answers something else', async () => {
    expect(await readLaneFacts(null, signal)).toBeNull();
    expect(await readLaneFacts('http://127.0.0.1:1', signal)).toBeNull();
    const other = await startServer(() => ({ status: 200, body: 'no metrics' }));
    expect(await readLaneFacts(other.url, signal)).toBeNull();
    await other.close();
  });
});
