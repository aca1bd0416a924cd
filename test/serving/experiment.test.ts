import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createExperiment } from '../../activities/experiment/experiment.ts';
import type { SearchRequest } from '../../domain/control/http.ts';
import { LANE_HEADERS } from '../../domain/control/http.ts';
import { NEWEST_SPLIT, splitPoint } from '../../domain/control/traffic-split.ts';
import { ARM_METRICS as METRICS } from '../../domain/metrics/snapshot.ts';
import { probeRequest } from '../../retrieval/evaluation/probe-check.ts';
import { loadProbes } from '../../retrieval/evaluation/set.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { Answer, TestGateway } from '../support/gateway-process.ts';
import { createTestGateway, metric } from '../support/gateway-process.ts';

const NAME = 'reranker-7';
const OFF_PERCENT = 30;
const KEYS = Array.from({ length: 60 }, (_, i) => `user ${i}`);
const isOff = (key: string) => splitPoint(NEWEST_SPLIT, `experiment ${NAME}`, key) < OFF_PERCENT;
const OFF = KEYS.filter(isOff);

let releases = '';
let query: SearchRequest = {};
let gateway: TestGateway;
let epoch = 0;

beforeAll(async () => {
  releases = await releasesFolder(await smallRelease('v-1'), await smallRelease('v0'));
  const [probe] = await loadProbes(join(releases, 'v-1'));
  if (probe === undefined) throw new Error('the release has no probes');
  query = probeRequest(probe);
  gateway = await createTestGateway(releases);
  await gateway.start();
});
afterAll(async () => {
  await gateway.close();
  await rm(releases, { recursive: true });
});

async function takeEpoch(owner: string): Promise<void> {
  const { body } = await gateway.control('GET', '/control');
  const expected = { owner: body.state.owner, epoch: body.state.epoch };
  const taken = await gateway.control('POST', '/control/epoch', { owner, key: `${owner}/start`, expected });
  epoch = taken.body.epoch;
}

function begin(step: string, more: object = {}): Promise<Answer> {
  const experiment = { name: NAME, offPercent: OFF_PERCENT, forMs: 3_600_000, ...more };
  return gateway.control('PUT', '/control', { epoch, step, by: 'test', experiment });
}

const ask = (key: string, more = {}) =>
  gateway.search({ ...query, ...more }, { [LANE_HEADERS.requestKey]: key });

describe('an experiment in the stable lane', () => {
  it('needs an epoch, and a share that leaves most users as they are', async () => {
    const { status } = await gateway.byHand({ experiment: { name: NAME, offPercent: 10, forMs: 1000 } });
    expect(status).toBe(422);
    await takeEpoch('experiment 1');
    const tooMany = await begin('too many', { offPercent: 70 });
    expect([tooMany.status, tooMany.body.detail]).toEqual([422, expect.stringContaining('offPercent')]);
  });

  it('[L1] answers each user of the one arm without reranker, of the other with it, and always the same', async () => {
    await takeEpoch('experiment 2');
    expect((await begin('begin')).status).toBe(200);
    for (const key of [...KEYS, ...KEYS]) {
      const { body, headers } = await ask(key);
      const arm = isOff(key) ? 'off' : 'on';
      expect([key, headers['x-arm'], body.timings.rerankMs !== null]).toEqual([
        key,
        `${NAME}/${arm}`,
        arm === 'on',
      ]);
    }
    await gateway.search({ text: 'a river in the north' });
    const text = await gateway.metrics();
    expect(metric(text, METRICS.requests, { arm: 'off', outcome: 'ok' })).toBe(2 * OFF.length);
    expect(metric(text, METRICS.requests)).toBe(2 * KEYS.length);
    expect(metric(text, METRICS.keys, { arm: 'off' })).toBe(OFF.length);
    expect(metric(text, METRICS.keys, { arm: 'on' })).toBe(KEYS.length - OFF.length);
    expect(metric(text, METRICS.experiment, { experiment: NAME })).toBe(1);
  });

  it('[L1.1] joins feedback with the answer it is about, by arm and rank, once', async () => {
    const [off = ''] = OFF;
    const on = KEYS.find((key) => !isOff(key)) ?? '';
    const feedback = async (requestId: string, id: string) => {
      const { statusCode, body } = await request(`${gateway.url()}/feedback`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ requestId, id }),
      });
      expect(statusCode).toBe(202);
      return ((await body.json()) as { outcome: string }).outcome;
    };
    const { body: first } = await ask(off);
    expect(await feedback(first.requestId, first.results[2].id)).toBe('counted');
    expect(await feedback(first.requestId, first.results[0].id)).not.toBe('counted');
    const { body: second } = await ask(on);
    await feedback(second.requestId, 'a chunk that was not among them');
    const read = await createExperiment({
      service: 'retriever',
      gatewayUrl: gateway.url(),
      artifactsDir: '',
    }).readArms();
    if (read.kind === 'missing') throw new Error(read.reason);
    expect(read.experiment).toBe(NAME);
    expect(read.epoch).toBe(epoch);
    expect(read.arms.off.ranks).toEqual([0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(read.arms.on.ranks).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    expect(read.feedback).toBeGreaterThanOrEqual(2);
  });

  it('is there again after kill -9, with empty counters', async () => {
    await gateway.kill();
    await gateway.start();
    const [off = ''] = OFF;
    expect((await ask(off)).headers['x-arm']).toBe(`${NAME}/off`);
    expect(metric(await gateway.metrics(), METRICS.requests)).toBe(1);
  });

  it('ends when somebody takes the fence, and users are as before', async () => {
    await takeEpoch('rollout/retriever/1');
    const [off = ''] = OFF;
    const { headers, body } = await ask(off);
    expect([headers['x-arm'], typeof body.timings.rerankMs]).toEqual([undefined, 'number']);
    expect(metric(await gateway.metrics(), METRICS.experiment)).toBe(0);
    expect((await begin('stale', {})).status).toBe(200);
    expect((await gateway.byHand({ experiment: null })).status).toBe(200);
    expect((await gateway.control('GET', '/control')).body.state).toMatchObject({
      experiment: null,
      lastIntervention: { what: 'ended the experiment' },
    });
  });

  it('is refused while a candidate has users', async () => {
    await gateway.share(5);
    await takeEpoch('experiment 3');
    const { status, body } = await begin('begin 3');
    expect([status, body.detail]).toEqual([422, 'experiment: the candidate has users']);
  });
});
