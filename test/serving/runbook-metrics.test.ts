import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { probeRequest } from '../../retrieval/evaluation/probe-check.ts';
import { loadProbes } from '../../retrieval/evaluation/set.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { TestGateway } from '../support/gateway-process.ts';
import { createTestGateway, metric, ready } from '../support/gateway-process.ts';

/** The lane looks at every 100th answer. */
const SEARCHES = 200;

let releases = '';
let gateway: TestGateway;
let ofGateway = '';
let ofLane = '';

/** What users did, once, before any metric is read. */
beforeAll(async () => {
  releases = await releasesFolder(await smallRelease('v-1'));
  const probes = await loadProbes(join(releases, 'v-1'));
  gateway = await createTestGateway(releases);
  await gateway.start();
  const view = await gateway.until(ready('stable', 'v-1'));
  const statuses: number[] = [];
  for (let i = 0; i < SEARCHES; i++) {
    const probe = probes[i % probes.length];
    if (probe !== undefined) statuses.push((await gateway.search(probeRequest(probe))).status);
  }
  statuses.push((await gateway.search({ text: 'a river in the north' })).status);
  const encoded = await request(`${gateway.url()}/encode`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ texts: ['a river in the south'] }),
  });
  await encoded.body.dump();
  const ingested = await gateway.ingest({
    article: 'rivers',
    seq: 1,
    text: 'The Tay is a river.',
    id: 'tay',
  });
  statuses.push(encoded.statusCode, ingested.status, (await gateway.forget('tay')).status);
  if (statuses.some((status) => status !== 200)) throw new Error(`not all answered: ${statuses.join(' ')}`);
  await gateway.search('{');
  ofGateway = await gateway.metrics();
  // The lane follows the log of what came and went.
  ofLane = await vi.waitUntil(async () => {
    const text = await (await request(`${view.lanes.stable?.url}/metrics`)).body.text();
    return metric(text, 'retriever_ingested') === 2 && text;
  }, 10_000);
});
afterAll(async () => {
  await gateway.close();
  await rm(releases, { recursive: true });
});

describe("the runbook's metrics", () => {
  it('[A2, M2] count requests by endpoint, errors apart, and distinct users', () => {
    const seen = (method: string, route: string, status: string) =>
      metric(ofGateway, 'gateway_http_requests_total', { method, route, status });
    expect(seen('POST', '/search', '2xx')).toBe(SEARCHES + 1);
    expect(seen('POST', '/search', '4xx')).toBe(1);
    expect(seen('POST', '/encode', '2xx')).toBe(1);
    expect(seen('POST', '/ingest', '2xx')).toBe(1);
    expect(seen('DELETE', '/ingest/:id', '2xx')).toBe(1);
    expect(metric(ofGateway, 'gateway_distinct_keys', { lane: 'stable' })).toBe(SEARCHES + 2);
  });

  it('[P4.2, M1] count each step of the searches that took it', () => {
    const observed = (name: string) => metric(ofGateway, `${name}_count`, { lane: 'stable', release: 'v-1' });
    expect(observed('gateway_encode_seconds')).toBe(1);
    expect(observed('gateway_search_seconds')).toBe(SEARCHES + 1);
    expect(observed('gateway_rerank_seconds')).toBeGreaterThanOrEqual(SEARCHES);
  });

  it("[B2, B3, M3, M4] count the quality proxy and the reranker's acceptance", () => {
    const counted = (name: string) => metric(ofGateway, name, { release: 'v-1', kind: 'context' });
    expect(counted('gateway_quality_proxy_total')).toBe(SEARCHES);
    expect(counted('gateway_rerank_rank1_total')).toBe(SEARCHES);
  });

  it('[A6, C4, D5, M6, M7, M8, R3.3, R4.2] of the lane show diversity, lists, norms, and vectors that come and go', () => {
    expect(metric(ofLane, 'retriever_top5_cosine_count')).toBeGreaterThan(0);
    expect(metric(ofLane, 'retriever_near_duplicates_count')).toBeGreaterThan(0);
    expect(metric(ofLane, 'retriever_index_imbalance')).toBeGreaterThanOrEqual(1);
    expect(metric(ofLane, 'retriever_index_list_rows')).toBeGreaterThan(0);
    expect(metric(ofLane, 'retriever_index_mean_norm')).toBeCloseTo(1, 4);
    expect(metric(ofLane, 'retriever_encoded_norm_error_count')).toBeGreaterThan(0);
    expect(metric(ofLane, 'retriever_index_rows')).toBe(196);
    expect(metric(ofLane, 'retriever_ingested')).toBe(2);
  });
});
