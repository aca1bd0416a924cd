import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Pool } from 'undici';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { probeRequest } from '../../../retrieval/evaluation/probe-check.ts';
import { loadProbes } from '../../../retrieval/evaluation/set.ts';
import { releasesFolder, smallRelease } from '../../fixtures/releases.ts';
import type { TestGateway } from '../../support/gateway-process.ts';
import { createTestGateway } from '../../support/gateway-process.ts';

let releases = '';
let gateway: TestGateway;

beforeAll(async () => {
  releases = await releasesFolder(await smallRelease('v-1'));
  gateway = await createTestGateway(releases);
  await gateway.start();
});
afterAll(async () => {
  await gateway.close();
  await rm(releases, { recursive: true });
});

async function fullCollections(): Promise<number> {
  const line = /^nodejs_gc_duration_seconds_count\{kind="major"\} (\d+)$/m.exec(await gateway.metrics());
  return Number(line?.[1] ?? 0);
}

/** Five vectors of 768 as JSON, the size that a context query has; what the small release needs, and spaces. */
const BODY_BYTES = 40_000;

it('does not stop for a full collection every few hundred requests', async () => {
  const [probe] = await loadProbes(join(releases, 'v-1'));
  if (probe === undefined) throw new Error('the release has no probes');
  const body = JSON.stringify(probeRequest(probe)).padEnd(BODY_BYTES);
  const pool = new Pool(gateway.url(), { connections: 4 });
  const headers = { 'content-type': 'application/json' };
  const ask = async (requests: number) => {
    for (let i = 0; i < requests; i++) {
      const answer = await pool.request({ method: 'POST', path: '/search', headers, body });
      await answer.body.dump();
      expect(answer.statusCode).toBe(200);
    }
  };
  await ask(500);
  const before = await fullCollections();
  await Promise.all([ask(500), ask(500), ask(500), ask(500)]);
  await pool.destroy();
  expect((await fullCollections()) - before).toBeLessThanOrEqual(3);
});
