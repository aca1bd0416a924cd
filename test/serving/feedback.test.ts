import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LANE_HEADERS } from '../../domain/control/http.ts';
import type { SearchRequest } from '../../domain/control/http.ts';
import { probeRequest } from '../../retrieval/evaluation/probe-check.ts';
import { loadProbes } from '../../retrieval/evaluation/set.ts';
import { FeedbackSamples, isSampled } from '../../serving/gateway/observers/feedback.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { TestGateway } from '../support/gateway-process.ts';
import { createTestGateway, metric } from '../support/gateway-process.ts';

const HOUR_MS = 3_600_000;
const SAMPLED = Array.from({ length: 2_000 }, (_, i) => `request ${i}`).filter(isSampled);
const [ID = '', OTHER = ''] = SAMPLED;

it('[M5] samples one request in a hundred', () => {
  expect(SAMPLED.length).toBeGreaterThan(10);
  expect(SAMPLED.length).toBeLessThan(35);
});

describe('the kept orders', () => {
  let folder = '';
  let nowMs = 1_000 * HOUR_MS;
  const open = () =>
    FeedbackSamples.open(
      folder,
      () => nowMs,
      (error) => {
        throw error;
      },
    );
  const sample = (requestId: string, reranked: string[] | null) =>
    ({ requestId, lane: 'candidate', release: 'v0', orders: { plain: ['a', 'b', 'c'], reranked } }) as const;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'feedback-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('score what was right in both orders, once', async () => {
    const kept = await open();
    kept.remember(sample(ID, ['c', 'a', 'b']));
    expect(kept.recordFeedback(ID, 'c')).toMatchObject({ outcome: 'counted', plain: 1 / 3, reranked: 1 });
    expect(kept.recordFeedback(ID, 'c')).toEqual({ outcome: 'repeated' });
    await kept.close();
  });

  it.each([
    [
      'an id that was not found counts as found nowhere',
      ['c', 'a', 'b'],
      { outcome: 'counted', plain: 0, reranked: 0 },
    ],
    ['an answer that was not reranked has nothing to compare', null, { outcome: 'notReranked' }],
  ])('%s', async (_, reranked, outcome) => {
    const kept = await open();
    kept.remember(sample(ID, reranked));
    expect(kept.recordFeedback(ID, 'z')).toMatchObject(outcome);
    await kept.close();
  });

  it('are there after a restart, with what was counted, and go after a day', async () => {
    const first = await open();
    first.remember(sample(ID, ['b', 'a', 'c']));
    first.remember(sample(OTHER, ['b', 'a', 'c']));
    first.recordFeedback(OTHER, 'a');
    await first.close();
    nowMs += 23 * HOUR_MS;
    const second = await open();
    expect(second.recordFeedback(OTHER, 'a')).toEqual({ outcome: 'repeated' });
    expect(second.recordFeedback(ID, 'a')).toMatchObject({ outcome: 'counted', plain: 1, reranked: 0.5 });
    await second.close();
    nowMs += 3 * HOUR_MS;
    const third = await open();
    expect(third.recordFeedback(ID, 'a')).toEqual({ outcome: 'unknown' });
    expect(await readdir(folder)).toEqual([]);
    await third.close();
  });
});

describe('POST /feedback', () => {
  let releases = '';
  let query: SearchRequest = {};
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

  async function tell(body: object) {
    const answer = await request(`${gateway.url()}/feedback`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: answer.statusCode, body: await answer.body.json() };
  }

  it('[M5] moves the MRR of both orders by what was clicked', async () => {
    const { body } = await gateway.search(query, { [LANE_HEADERS.requestId]: ID });
    // The orders are the gateway's, not the user's.
    expect(Object.keys(body)).toEqual(['requestId', 'release', 'lane', 'results', 'timings']);
    expect(body.requestId).toBe(ID);
    expect(await tell({ requestId: ID, id: body.results[1].id })).toEqual({
      status: 202,
      body: { outcome: 'counted' },
    });
    const metrics = await gateway.metrics();
    const sum = (order: string) =>
      metric(metrics, 'gateway_feedback_reciprocal_rank_total', { order, lane: 'stable', release: 'v-1' });
    expect(sum('reranked')).toBe(0.5);
    const plain = await gateway.search({ ...query, k: 50, explain: true });
    expect(sum('plain')).toBeCloseTo(1 / plain.body.results[1].why.rankBefore, 6);
    expect(metric(metrics, 'gateway_feedback_scored_total')).toBe(1);
  });

  it('says what is not sampled, and refuses what is no feedback', async () => {
    const unsampled = Array.from({ length: 50 }, (_, i) => `user ${i}`).find((id) => !isSampled(id));
    expect(await tell({ requestId: unsampled, id: 'a' })).toEqual({
      status: 202,
      body: { outcome: 'notSampled' },
    });
    expect(await tell({ requestId: ID })).toMatchObject({ status: 400, body: { field: 'id' } });
    expect(await tell({ requestId: ID, id: 'a', rank: 1 })).toMatchObject({
      status: 400,
      body: { field: 'rank' },
    });
  });

  it('[R3.3] a look at every hundredth answer shows in the lane’s metrics', async () => {
    const { body: view } = await gateway.control('GET', '/control');
    const scraped = async () => (await request(`${view.lanes.stable.url}/metrics`)).body.text();
    for (let i = 0; i < 101; i++) await gateway.search(query);
    await expect
      .poll(async () => metric(await scraped(), 'retriever_near_duplicates_count'))
      .toBeGreaterThan(1);
    for (let i = 0; i < 3; i++) await gateway.search({ text: 'asked three times' });
    const text = await scraped();
    expect(metric(text, 'retriever_encoder_texts', { run: 'no' })).toBe(2);
    expect(metric(text, 'retriever_lists_hit_count')).toBe(metric(text, 'retriever_top5_cosine_count'));
    expect(metric(text, 'retriever_index_rows')).toBeGreaterThan(100);
    expect(metric(text, 'retriever_index_mean_norm')).toBeCloseTo(1, 4);
  });
});
