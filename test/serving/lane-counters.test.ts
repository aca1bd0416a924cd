import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createGatewayMetrics } from '../../clients/gateway-metrics.ts';
import { LANE_LIST_ROWS, LANE_METRICS } from '../../domain/metrics/lane-self-metrics.ts';
import type { LaneCounters } from '../../domain/metrics/snapshot.ts';
import { readManifest } from '../../retrieval/release/manifest.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import { unitVectors } from '../native/random-index.ts';
import type { TestGateway } from '../support/gateway-process.ts';
import { OLD_FLAGS, createTestGateway, metric, ready } from '../support/gateway-process.ts';

let releases = '';
let dimension = 0;
let encoder = '';
let gateway: TestGateway;
beforeAll(async () => {
  releases = await releasesFolder(await smallRelease('v-1', 'good', OLD_FLAGS), await smallRelease('v0'));
  const manifest = await readManifest(join(releases, 'v0'));
  ({ dimension } = manifest);
  encoder = manifest.encoder.name;
  gateway = await createTestGateway(releases);
  await gateway.start();
  await gateway.share(100);
});
afterAll(async () => {
  await gateway.close();
  await rm(releases, { recursive: true });
});

async function lanes(): Promise<{ stable: LaneCounters | null; candidate: LaneCounters | null }> {
  const result = await createGatewayMetrics(gateway.url(), Date.now).snapshot();
  if (result.kind !== 'snapshot') throw new Error(result.reason);
  return result.snapshot.lanes;
}

/** Users' searches near one vector; the lane looks at every 100th. */
async function searches(n: number, vector: readonly number[]): Promise<void> {
  for (let i = 0; i < n; i++) expect(await gateway.search({ vector, k: 10 })).toMatchObject({ status: 200 });
}

it('[A6] near-duplicates that were ingested show in the snapshot of the lane that serves them', async () => {
  const vector = Array.from(unitVectors(1, dimension, 7));
  await searches(101, vector);
  await expect.poll(async () => (await lanes()).candidate?.own?.inspected ?? 0).toBeGreaterThanOrEqual(2);
  const before = (await lanes()).candidate?.own;
  expect(before).toMatchObject({ duplicateShares: 0, duplicateShareSquares: 0 });
  expect(before?.rows).toBe(before?.rowsBuilt);

  // Ten chunks that say the same as each other: nine of the 50 repeat a better one.
  for (let seq = 0; seq < 10; seq++)
    expect(
      await gateway.ingest({ article: 'Twins', seq, text: `twin ${seq}`, vector, encoder }),
    ).toMatchObject({
      status: 200,
    });
  await expect.poll(async () => (await lanes()).candidate?.own?.rows).toBe((before?.rowsBuilt ?? 0) + 10);
  await searches(200, vector);
  await expect
    .poll(async () => (await lanes()).candidate?.own?.inspected ?? 0)
    .toBeGreaterThanOrEqual((before?.inspected ?? 0) + 2);
  const after = (await lanes()).candidate?.own;
  const looked = (after?.inspected ?? 0) - (before?.inspected ?? 0);
  expect((after?.duplicateShares ?? 0) / looked).toBeCloseTo(9 / 50, 2);
});

it('[M9] texts, memory and lists show as well, each lane its own', async () => {
  const before = await lanes();
  for (let i = 0; i < 2; i++) await gateway.search({ text: 'the same words twice' });
  const { stable, candidate } = await lanes();
  expect(candidate?.own).toMatchObject({
    textsEncoded: (before.candidate?.own?.textsEncoded ?? 0) + 1,
    textsCached: (before.candidate?.own?.textsCached ?? 0) + 1,
    memoryBaselineBytes: null,
  });
  expect(stable?.own?.textsEncoded).toBe(before.stable?.own?.textsEncoded);
  expect(candidate?.own?.memoryBytes).toBeGreaterThan(50e6);
  expect(candidate?.own?.imbalanceBuilt).toBeGreaterThanOrEqual(1);
  const text = await gateway.metrics();
  const rows = (share: string) => metric(text, LANE_LIST_ROWS, { lane: 'candidate', release: 'v0', share });
  expect(rows('1')).toBeGreaterThanOrEqual(rows('0.5'));
  expect(rows('1')).toBeGreaterThan(0);
});

it('norms of encoded queries and the sizes of lists show, without the address of the lane', async () => {
  const { norms = 0 } = (await lanes()).candidate?.own ?? {};
  for (let i = 0; i < 100; i++) await gateway.search({ text: `words of query ${i}` });
  await expect.poll(async () => (await lanes()).candidate?.own?.norms).toBe(norms + 1);
  const { own } = (await lanes()).candidate ?? {};
  expect(own?.normErrors).toBeLessThan(1e-5 * (norms + 1));
  expect(own?.largestList).toBeGreaterThan(own?.medianList ?? Infinity);
  expect(own?.medianList).toBeGreaterThan(0);
});

it('a lane that is down says nothing, and one that came back is another: neither is zero', async () => {
  const before = (await lanes()).candidate?.own;
  const { lanes: view } = await gateway.until(ready('candidate', 'v0'));
  process.kill(view.candidate?.pid ?? 0, 'SIGKILL');
  await gateway.until(({ lanes: { candidate } }) => candidate?.state === 'down');
  expect((await lanes()).candidate?.own).toBeNull();
  expect(await gateway.metrics()).not.toContain(`${LANE_METRICS.startSeconds}{lane="candidate"`);
  expect((await lanes()).stable?.own).not.toBeNull();
  await gateway.until(ready('candidate', 'v0'));
  await expect
    .poll(async () => (await lanes()).candidate?.own?.startSeconds ?? 0)
    .toBeGreaterThan(before?.startSeconds ?? Infinity);
});
