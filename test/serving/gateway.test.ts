import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ControlChange } from '../../domain/control.ts';
import { LANE_HEADERS } from '../../domain/http.ts';
import { assignLane } from '../../domain/split.ts';
import { GATEWAY_METRICS as METRICS } from '../../domain/telemetry.ts';
import type { Probe } from '../../retrieval/evaluation/probe-check.ts';
import { probeRequest } from '../../retrieval/evaluation/probe-check.ts';
import { loadProbes } from '../../retrieval/evaluation/set.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { Answer, TestGateway } from './gateway-process.ts';
import { createTestGateway, metric, ready } from './gateway-process.ts';

const OLD_FLAGS = { impl: 'gru_v0', reranker: 'off', nprobe: 8 } as const;

let releases = '';
let probes: readonly Probe[] = [];
let gateway: TestGateway;

beforeAll(async () => {
  releases = await releasesFolder(
    await smallRelease('v-1', 'good', OLD_FLAGS),
    await smallRelease('v0'),
    await smallRelease('v1'),
  );
  probes = await loadProbes(join(releases, 'v-1'));
  gateway = await createTestGateway(releases);
  await gateway.start();
});
afterAll(async () => {
  await gateway.close();
  await rm(releases, { recursive: true });
});

/** Changes by hand, which always win: each test sets the stage that it needs. */
async function byHand(change: Omit<ControlChange, 'by'>): Promise<Answer> {
  return gateway.control('PUT', '/control', { by: 'test', ...change });
}

async function share(percent: number): Promise<void> {
  await byHand({ percent: 0, lanes: { candidate: 'v0' } });
  await gateway.until(ready('candidate', 'v0'));
  await byHand({ percent });
}

async function takeEpoch(owner: string): Promise<number> {
  const { body } = await gateway.control('GET', '/control');
  const { epoch, owner: before } = body.state;
  const taken = await gateway.control('POST', '/control/epoch', {
    owner,
    key: `${owner}/${epoch}`,
    expected: { owner: before, epoch },
  });
  return taken.body.epoch;
}

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
    await gateway.search(context(), { [LANE_HEADERS.synthetic]: 'probe' });
    const after = await gateway.metrics();
    expect(metric(after, METRICS.requests, { outcome: 'ok' })).toBe(before);
    expect(metric(after, METRICS.requests, { outcome: 'synthetic' })).toBeGreaterThan(0);
  });
});

describe('two lanes', () => {
  it('gives each user the lane of the split, always the same, and counts by assigned lane', async () => {
    await share(30);
    const before = await gateway.metrics();
    const keys = Array.from({ length: 60 }, (_, i) => `user ${i}`);
    for (const key of [...keys, ...keys]) {
      const { body } = await gateway.search(context(), { [LANE_HEADERS.requestKey]: key });
      expect([key, body.lane]).toEqual([key, assignLane('v0', key, 30)]);
    }
    const after = await gateway.metrics();
    const candidates = keys.filter((key) => assignLane('v0', key, 30) === 'candidate').length;
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
    await share(0);
    const before = metric(await gateway.metrics(), METRICS.requests);
    const { body } = await gateway.control('POST', '/control/search/candidate', context());
    expect(body).toMatchObject({ release: 'v0', lane: 'candidate' });
    expect(metric(await gateway.metrics(), METRICS.requests)).toBe(before);
    expect((await gateway.control('POST', '/control/search/previous', context())).status).toBe(503);
  });

  it('switches flags in a lane without a restart', async () => {
    await share(0);
    const { lanes } = await gateway.until(ready('candidate'));
    await byHand({ flags: { candidate: { impl: 'gru_v0', reranker: 'on', nprobe: 2 } } });
    const on = await gateway.control('POST', '/control/search/candidate', context());
    await byHand({ flags: { candidate: { impl: 'gru_v0', reranker: 'off', nprobe: 2 } } });
    const off = await gateway.control('POST', '/control/search/candidate', context());
    expect([typeof on.body.timings.rerankMs, off.body.timings.rerankMs]).toEqual(['number', null]);
    expect((await gateway.until(ready('candidate'))).lanes.candidate?.pid).toBe(lanes.candidate?.pid);
  });
});

describe('control', () => {
  it.each([
    ['GET', '/control'],
    ['PUT', '/control'],
    ['POST', '/control/epoch'],
    ['POST', '/control/lease'],
    ['POST', '/control/search/stable'],
  ] as const)('wants the token for %s %s', async (method, path) => {
    expect((await gateway.control(method, path, undefined, 'guessed')).status).toBe(401);
  });

  it('refuses an old epoch and says who has the new one', async () => {
    const old = await takeEpoch('old run');
    const epoch = await takeEpoch('new run');
    const { status, body } = await gateway.control('PUT', '/control', {
      by: 'old run',
      epoch: old,
      step: 's',
      percent: 0,
    });
    expect(status).toBe(409);
    expect(body).toMatchObject({
      refusal: { kind: 'staleEpoch', epoch, owner: 'new run' },
      view: { state: { epoch } },
    });
  });

  it.each<[string, unknown, number, RegExp]>([
    ['an unknown field', { by: 'me', canary: 5 }, 400, /canary/],
    ['a percent of 101', { by: 'me', percent: 101 }, 400, /percent/],
    ['nobody who did it', { percent: 0 }, 400, /by/],
    ['an unknown release', { by: 'me', rollbackTo: 'v-9' }, 422, /no release v-9/],
    ['a release outside of the folder', { by: 'me', lanes: { spare: '../v0' } }, 400, /lanes\.spare/],
    ['a promotion at 0 %', { by: 'me', percent: 0, promote: { previousForMs: 1 } }, 422, /promote/],
  ])('refuses %s and changes nothing', async (_, change, status, detail) => {
    const before = (await gateway.control('GET', '/control')).body.state;
    const answer = await gateway.control('PUT', '/control', change);
    expect([answer.status, answer.body.detail]).toEqual([status, expect.stringMatching(detail)]);
    expect((await gateway.control('GET', '/control')).body.state).toEqual(before);
  });

  it('takes the share back when nobody renews the lease', async () => {
    await share(0);
    const epoch = await takeEpoch('run');
    const { interventions } = (await gateway.control('GET', '/control')).body.state;
    const raise = { by: 'run', epoch, interventions, percent: 40, lease: { ttlMs: 400, onExpiry: 'zero' } };
    expect((await gateway.control('PUT', '/control', { ...raise, step: 'raise' })).body.state.percent).toBe(
      40,
    );
    const { state } = await gateway.until(({ state: { percent } }) => percent === 0);
    expect(state).toMatchObject({
      lease: null,
      interventions: interventions + 1,
      lastIntervention: { kind: 'leaseLost' },
    });
    expect((await gateway.control('POST', '/control/lease', { epoch, ttlMs: 400 })).status).toBe(409);
    expect((await gateway.control('PUT', '/control', { ...raise, step: 'again' })).body.refusal.kind).toBe(
      'intervened',
    );
  });

  it('does not load a release with a wrong checksum: it names the file, and tries again once it is mended', async () => {
    await cp(join(releases, 'v1'), join(releases, 'broken'), { recursive: true });
    await writeFile(join(releases, 'broken', 'reranker.onnx'), 'something else');
    await byHand({ percent: 0, lanes: { candidate: 'broken' } });
    const { lanes } = await gateway.until(
      ({ lanes: { candidate } }) => candidate?.state === 'refused' && candidate.pid === null,
    );
    expect(lanes.candidate).toMatchObject({ failure: expect.stringMatching(/^reranker\.onnx: /) });
    expect(lanes.stable?.state).toBe('ready');
    await cp(join(releases, 'v1', 'reranker.onnx'), join(releases, 'broken', 'reranker.onnx'));
    await byHand({ lanes: { candidate: 'broken' } });
    await gateway.until(ready('candidate', 'broken'));
  });
});

describe('promotion and the ways back', () => {
  it('makes the candidate stable without a restart, and goes back to the warm one at once', async () => {
    await share(100);
    const health = async () => JSON.parse(await (await fetch(`${gateway.url()}/health`)).text());
    expect(await health()).toMatchObject({ version: 'v0', releases: { stable: 'v-1', candidate: 'v0' } });
    const before = (await gateway.until(ready('candidate'))).lanes;
    await byHand({ promote: { previousForMs: 60_000 } });
    const after = await gateway.until(ready('stable', 'v0'));
    expect([after.lanes.stable?.pid, after.lanes.previous?.pid]).toEqual([
      before.candidate?.pid,
      before.stable?.pid,
    ]);
    expect(after.state).toMatchObject({ percent: 0, promoting: null, lanes: { candidate: null } });
    expect(await health()).toMatchObject({ version: 'v0', releases: { stable: 'v0', candidate: null } });

    const back = await byHand({ rollbackTo: 'v-1' });
    expect(back.body.lanes.stable).toMatchObject({ release: 'v-1', state: 'ready', pid: before.stable?.pid });
    expect((await gateway.search(context())).body.release).toBe('v-1');
  });

  it('serves users from the old lane until a cold release is loaded', async () => {
    const asked = await byHand({ rollbackTo: 'v1' });
    expect(asked.body.state).toMatchObject({
      restoring: 'v1',
      percent: 0,
      lanes: { stable: { release: 'v-1' } },
    });
    expect((await gateway.search(context())).status).toBe(200);
    await gateway.until(ready('stable', 'v1'));
    expect((await gateway.search(context())).body.release).toBe('v1');
  });

  it("takes a dry run's spare lane for a rollback", async () => {
    await byHand({ lanes: { spare: 'v-1' } });
    const { lanes } = await gateway.until(ready('spare', 'v-1'));
    await byHand({ rollbackTo: 'v-1' });
    expect((await gateway.until(ready('stable', 'v-1'))).lanes.stable?.pid).toBe(lanes.spare?.pid);
  });
});
