import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GATEWAY_METRICS as METRICS } from '../../domain/metrics/snapshot.ts';
import { loadEvaluationSet } from '../../retrieval/evaluation/set.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { TestGateway } from '../support/gateway-process.ts';
import { OLD_FLAGS, createTestGateway, metric, ready } from '../support/gateway-process.ts';

let releases = '';
let gateway: TestGateway;

beforeAll(async () => {
  releases = await releasesFolder(
    await smallRelease('v-1', 'good', OLD_FLAGS),
    await smallRelease('v0', 'bad-crash'),
  );
  gateway = await createTestGateway(releases);
  await gateway.start();
});
afterAll(async () => {
  await gateway.close();
  await rm(releases, { recursive: true });
});

it('a candidate that throws for some queries stays up, and its users are answered by stable', async () => {
  await gateway.share(100);
  const { lanes } = await gateway.until(ready('candidate'));
  const { queries } = await loadEvaluationSet(join(releases, 'v0'));
  const answeredBy = new Map<string, number>();
  for (const { context, exclude } of queries) {
    const asked = { context: context.map((vector) => Array.from(vector)), exclude };
    const { status, body } = await gateway.search(asked);
    expect(status).toBe(200);
    answeredBy.set(body.lane, (answeredBy.get(body.lane) ?? 0) + 1);
  }
  const metrics = await gateway.metrics();
  const failed = metric(metrics, METRICS.requests, { lane: 'candidate', outcome: 'error' });
  expect(failed).toBeGreaterThan(0);
  expect(answeredBy.get('stable')).toBe(failed);
  expect(answeredBy.get('candidate')).toBe(queries.length - failed);
  expect(metric(metrics, METRICS.userErrors)).toBe(0);
  const after = await gateway.until(ready('candidate'));
  expect(after.lanes.candidate).toMatchObject({ pid: lanes.candidate?.pid, breaker: 'closed', restarts: 0 });
});
