import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGatewayMetrics } from '../../clients/gateway-metrics.ts';
import { LANE_HEADERS, formatFlags } from '../../domain/control/http.ts';
import { LANE_RECALL } from '../../domain/metrics/lane-self-metrics.ts';
import type { Probe } from '../../retrieval/evaluation/probe-check.ts';
import { probeRequest } from '../../retrieval/evaluation/probe-check.ts';
import { loadProbes } from '../../retrieval/evaluation/set.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { Answer, TestGateway } from '../support/gateway-process.ts';
import { OLD_FLAGS, createTestGateway, metric, ready } from '../support/gateway-process.ts';

/** The small corpus has five lists. */
const ALL_LISTS = 5;

let releases = '';
let probes: readonly Probe[] = [];
let gateway: TestGateway;
beforeAll(async () => {
  releases = await releasesFolder(await smallRelease('v-1', 'good', OLD_FLAGS));
  probes = await loadProbes(join(releases, 'v-1'));
  gateway = await createTestGateway(releases);
  await gateway.start({ FAISS_NPROBE: '1' });
});
afterAll(async () => {
  await gateway.close();
  await rm(releases, { recursive: true });
});

function body(i: number) {
  const probe = probes[i % probes.length];
  if (probe === undefined) throw new Error('the release has no probes');
  return probeRequest(probe);
}

async function laneMetrics(): Promise<string> {
  const { lanes } = await gateway.until(ready('stable'));
  return (await request(`${lanes.stable?.url}/metrics`)).body.text();
}

/** `n` times, sixteen at a time. */
async function many(n: number, ask: (i: number) => Promise<unknown>): Promise<void> {
  for (let begin = 0; begin < n; begin += 16)
    await Promise.all(Array.from({ length: Math.min(16, n - begin) }, (_, i) => ask(begin + i)));
}

describe('live recall', () => {
  it('[N2] compares one in a thousand users with an exact search, and nobody else', async () => {
    await many(1_000, (i) => gateway.control('POST', '/control/search/stable', body(i)));
    await many(500, (i) => gateway.probe(body(i)));
    expect(metric(await laneMetrics(), LANE_RECALL.queries)).toBe(0);

    // A client that calls itself a prober is a user to the lane as well.
    await many(1_000, (i) => gateway.search(body(i), { [LANE_HEADERS.synthetic]: 'probe' }));
    await many(2_000, (i) => gateway.search(body(i)));
    await expect.poll(async () => metric(await laneMetrics(), LANE_RECALL.queries)).toBe(3);
    const text = await laneMetrics();
    const [found, missed] = ['yes', 'no'].map((is) => metric(text, LANE_RECALL.neighbours, { found: is }));
    expect((found ?? 0) + (missed ?? 0)).toBe(30);
    // One list of five does not hold them all.
    expect(missed).toBeGreaterThan(0);
    // The alerts read the same from the gateway alone.
    const read = await createGatewayMetrics(gateway.url(), Date.now).snapshot();
    expect(read.kind === 'snapshot' ? read.snapshot.lanes.stable?.own : read).toMatchObject({
      recallQueries: 3,
      recallFound: found,
      recallMissed: missed,
    });
  });

  it('finds all where all lists are searched', async () => {
    const before = metric(await laneMetrics(), LANE_RECALL.neighbours, { found: 'no' });
    await gateway.byHand({ flags: { stable: { ...OLD_FLAGS, nprobe: ALL_LISTS } } });
    await many(2_000, (i) => gateway.search(body(i)));
    await expect.poll(async () => metric(await laneMetrics(), LANE_RECALL.queries)).toBe(5);
    expect(metric(await laneMetrics(), LANE_RECALL.neighbours, { found: 'no' })).toBe(before);
  });
});

describe('a search of exactly one lane', () => {
  it('may be asked under other flags, for that request alone', async () => {
    await gateway.byHand({ flags: { stable: { ...OLD_FLAGS, nprobe: 1 } } });
    const idsOf = ({ body: { results } }: Answer): string[] => results.map(({ id }: { id: string }) => id);
    const plain = async (i: number) =>
      idsOf(await gateway.control('POST', '/control/search/stable', body(i)));
    const before = await Promise.all(probes.map((_, i) => plain(i)));
    const asked = async (i: number) =>
      idsOf(await gateway.searchWith(body(i), formatFlags({ ...OLD_FLAGS, nprobe: ALL_LISTS })));
    const exact = await Promise.all(probes.map((_, i) => asked(i)));
    expect(exact).not.toEqual(before);
    expect(await Promise.all(probes.map((_, i) => plain(i)))).toEqual(before);
  });

  it.each(['nprobe=4', 'impl=amn_v0;reranker=on;nprobe=0', ''])(
    'refuses the flags %j by name',
    async (flags) => {
      const { status, body: problem } = await gateway.searchWith(body(0), flags);
      expect([status, problem.field]).toEqual([400, LANE_HEADERS.flags]);
    },
  );
});
