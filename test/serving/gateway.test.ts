import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SearchResponse } from '../../domain/control/http.ts';
import { LANE_HEADERS } from '../../domain/control/http.ts';
import { NEWEST_SPLIT, assignLane } from '../../domain/control/traffic-split.ts';
import { GATEWAY_METRICS as METRICS } from '../../domain/metrics/snapshot.ts';
import type { Probe } from '../../retrieval/evaluation/probe-check.ts';
import { probeRequest } from '../../retrieval/evaluation/probe-check.ts';
import { loadProbes } from '../../retrieval/evaluation/set.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { TestGateway } from '../support/gateway-process.ts';
import { OLD_FLAGS, createTestGateway, metric, ready } from '../support/gateway-process.ts';

let releases = '';
let probes: readonly Probe[] = [];
let gateway: TestGateway;

beforeAll(async () => {
  releases = await releasesFolder(await smallRelease('v-1', 'good', OLD_FLAGS), await smallRelease('v0'));
  probes = await loadProbes(join(releases, 'v-1'));
  gateway = await createTestGateway(releases);
  await gateway.start();
});
afterAll(async () => {
  await gateway.close();
  await rm(releases, { recursive: true });
});

function context(i = 0) {
  const probe = probes[i % probes.length];
  if (probe === undefined) throw new Error('the release has no probes');
  return probeRequest(probe);
}

describe('search', () => {
  it('answers what the release expects, and says who answered', async () => {
    for (const probe of probes.slice(0, 5)) {
      const { status, body, headers } = await gateway.search(probeRequest(probe));
      expect(status).toBe(200);
      expect(body).toMatchObject({ release: 'v-1', lane: 'stable', requestId: expect.any(String) });
      expect(body.results.map(({ id }: { id: string }) => id)).toEqual(probe.ids);
      expect(headers[LANE_HEADERS.requestKey]).toMatch(/./);
    }
  });

  it('takes a text, and returns as many results as asked for', async () => {
    const { body } = await gateway.search({ text: 'a river in the north', k: 3 });
    expect(body.results).toHaveLength(3);
    expect(body.timings.encodeMs).toBeGreaterThan(0);
  });

  it('answers the same to digits, base64 and bytes, and counts them as the same kind', async () => {
    const { context: vectors } = context();
    const bytes = (values: readonly number[]) => Buffer.from(Float32Array.from(values).buffer);
    const binary = async (kind: string, body: Buffer) => {
      const { body: answer } = await request(`${gateway.url()}/search?kind=${kind}&k=7`, {
        method: 'POST',
        headers: { 'content-type': 'application/octet-stream' },
        body,
      });
      return ((await answer.json()) as SearchResponse).results;
    };
    const counted = async () =>
      metric(await gateway.metrics(), METRICS.requests, { kind: 'context', outcome: 'ok' });
    const before = await counted();
    const asked = await gateway.search({ context: vectors, k: 7 });
    expect(asked.body.results).toHaveLength(7);
    expect(await binary('context', bytes(vectors.flat()))).toEqual(asked.body.results);
    expect((await counted()) - before).toBe(2);

    const vector = vectors[0] ?? [];
    const { body } = await gateway.search({ vector, k: 7 });
    expect(await binary('vector', bytes(vector))).toEqual(body.results);
    const base64 = await gateway.search({ vector_b64: bytes(vector).toString('base64'), k: 7 });
    expect(base64.body.results).toEqual(body.results);
  });

  it.each<[string, string, number, string]>([
    ['no JSON', '{', 400, 'body'],
    ['NaN', '{"vector":[null]}', 400, 'vector'],
    ['another dimension', '{"vector":[1,2,3]}', 400, 'vector'],
    ['k = 0', '{"text":"a","k":0}', 400, 'k'],
    ['an empty text', '{"text":""}', 400, 'text'],
    ['a body of 2 MB', `{"text":"${'x'.repeat(2 ** 21)}"}`, 413, 'body'],
  ])(
    'answers %s with a problem that names the field, and counts nobody as at fault',
    async (_, body, status, field) => {
      const before = await gateway.metrics();
      const answer = await gateway.search(body);
      expect(answer.headers['content-type']).toMatch('application/problem+json');
      expect(answer.body).toMatchObject({ status, field, title: expect.any(String) });
      const after = await gateway.metrics();
      for (const labels of [{ outcome: 'error' }, { outcome: 'ok' }])
        expect(metric(after, METRICS.requests, labels)).toBe(metric(before, METRICS.requests, labels));
      expect(metric(after, METRICS.userErrors)).toBe(metric(before, METRICS.userErrors));
    },
  );

  it('keeps a prober out of what gates judge', async () => {
    const before = metric(await gateway.metrics(), METRICS.requests, { outcome: 'ok' });
    await gateway.probe(context());
    const after = await gateway.metrics();
    expect(metric(after, METRICS.requests, { outcome: 'ok' })).toBe(before);
    expect(metric(after, METRICS.requests, { outcome: 'synthetic' })).toBeGreaterThan(0);
  });

  it.each<[string, Record<string, string>]>([
    ['a prober without a token', { [LANE_HEADERS.synthetic]: 'probe' }],
    ['a prober with another token', { [LANE_HEADERS.synthetic]: 'probe', authorization: 'Bearer guessed' }],
    ['a token alone', { authorization: 'Bearer guessed' }],
    ['flags of its own', { [LANE_HEADERS.flags]: 'impl=amn_v0;reranker=on;nprobe=1' }],
    ['the name of another lane', { [LANE_HEADERS.lane]: 'candidate' }],
    ['no time to answer', { [LANE_HEADERS.timeout]: '1' }],
    ['a wish for the orders', { [LANE_HEADERS.sample]: 'yes' }],
    [
      "a lane's answer",
      {
        [LANE_HEADERS.kind]: 'vector',
        [LANE_HEADERS.release]: 'v-9',
        [LANE_HEADERS.timing]: 'search;dur=900',
        [LANE_HEADERS.quality]: 'miss',
        [LANE_HEADERS.rank1Changed]: 'yes',
        [LANE_HEADERS.arm]: 'experiment/off',
      },
    ],
  ])('answers and counts a client that sends %s like any other', async (_, headers) => {
    const before = await gateway.metrics();
    const { status, body, headers: answered } = await gateway.search(context(), headers);
    const after = await gateway.metrics();
    expect([status, body.lane, body.release, body.orders]).toEqual([200, 'stable', 'v-1', undefined]);
    expect(body.timings.rerankMs).toBeNull();
    expect(answered[LANE_HEADERS.arm]).toBeUndefined();
    const grew = (name: string, labels: Record<string, string>) =>
      metric(after, name, labels) - metric(before, name, labels);
    const labels = { lane: 'stable', release: 'v-1', kind: 'context' };
    expect(grew(METRICS.requests, { ...labels, outcome: 'ok' })).toBe(1);
    expect(grew(METRICS.requests, {})).toBe(1);
    expect(grew(METRICS.quality, { ...labels })).toBe(1);
    expect(grew(METRICS.rank1, {})).toBe(0);
    expect(grew(`${METRICS.retrieval}_sum`, labels)).toBeLessThan(0.9);
  });
});

describe('two lanes', () => {
  it('[A2] gives each user the lane of the split, always the same, and counts by assigned lane', async () => {
    await gateway.share(30);
    const before = await gateway.metrics();
    const keys = Array.from({ length: 60 }, (_, i) => `user ${i}`);
    for (const key of [...keys, ...keys]) {
      const { body } = await gateway.search(context(), { [LANE_HEADERS.requestKey]: key });
      expect([key, body.lane]).toEqual([key, assignLane(NEWEST_SPLIT, 'v0', key, 30)]);
    }
    const after = await gateway.metrics();
    const candidates = keys.filter((key) => assignLane(NEWEST_SPLIT, 'v0', key, 30) === 'candidate').length;
    const labels = { lane: 'candidate', release: 'v0', kind: 'context', outcome: 'ok' };
    expect(metric(after, METRICS.requests, labels) - metric(before, METRICS.requests, labels)).toBe(
      2 * candidates,
    );
    expect(metric(after, METRICS.distinctKeys, { lane: 'candidate' })).toBe(candidates);
    expect(metric(after, METRICS.distinctKeys, { lane: 'stable' })).toBe(keys.length - candidates);
    expect(metric(after, `${METRICS.retrieval}_count`, { lane: 'candidate' })).toBeGreaterThanOrEqual(
      2 * candidates,
    );
  });

  it('asks exactly one lane for an evaluation, and counts nothing', async () => {
    await gateway.share(0);
    const before = metric(await gateway.metrics(), METRICS.requests);
    const { body } = await gateway.control('POST', '/control/search/candidate', context());
    expect(body).toMatchObject({ release: 'v0', lane: 'candidate' });
    expect(metric(await gateway.metrics(), METRICS.requests)).toBe(before);
    expect((await gateway.control('POST', '/control/search/previous', context())).status).toBe(503);
  });

  it('[P3.4, R2.1] switches flags in a lane without a restart', async () => {
    await gateway.share(0);
    const { lanes } = await gateway.until(ready('candidate'));
    await gateway.byHand({ flags: { candidate: { impl: 'gru_v0', reranker: 'on', nprobe: 2 } } });
    const on = await gateway.control('POST', '/control/search/candidate', context());
    await gateway.byHand({ flags: { candidate: { impl: 'gru_v0', reranker: 'off', nprobe: 2 } } });
    const off = await gateway.control('POST', '/control/search/candidate', context());
    expect([typeof on.body.timings.rerankMs, off.body.timings.rerankMs]).toEqual(['number', null]);
    expect((await gateway.until(ready('candidate'))).lanes.candidate?.pid).toBe(lanes.candidate?.pid);
  });
});
