import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Probe } from '../../retrieval/evaluation/probe-check.ts';
import { probeRequest } from '../../retrieval/evaluation/probe-check.ts';
import { loadProbes } from '../../retrieval/evaluation/set.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { TestGateway } from '../support/gateway-process.ts';
import { OLD_FLAGS, createTestGateway, ready } from '../support/gateway-process.ts';

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

function context() {
  const [probe] = probes;
  if (probe === undefined) throw new Error('the release has no probes');
  return probeRequest(probe);
}

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
    await gateway.share(0);
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
    await gateway.byHand({ percent: 0, lanes: { candidate: 'broken' } });
    const { lanes } = await gateway.until(
      ({ lanes: { candidate } }) => candidate?.state === 'refused' && candidate.pid === null,
    );
    expect(lanes.candidate).toMatchObject({ failure: expect.stringMatching(/^reranker\.onnx: /) });
    expect(lanes.stable?.state).toBe('ready');
    await cp(join(releases, 'v1', 'reranker.onnx'), join(releases, 'broken', 'reranker.onnx'));
    await gateway.byHand({ lanes: { candidate: 'broken' } });
    await gateway.until(ready('candidate', 'broken'));
  });
});

describe('promotion and the ways back', () => {
  it('[P4.1] makes the candidate stable without a restart, and goes back to the warm one at once', async () => {
    await gateway.share(100);
    const health = async () => JSON.parse(await (await fetch(`${gateway.url()}/health`)).text());
    expect(await health()).toMatchObject({ version: 'v0', releases: { stable: 'v-1', candidate: 'v0' } });
    const before = (await gateway.until(ready('candidate'))).lanes;
    await gateway.byHand({ promote: { previousForMs: 60_000 } });
    const after = await gateway.until(ready('stable', 'v0'));
    expect([after.lanes.stable?.pid, after.lanes.previous?.pid]).toEqual([
      before.candidate?.pid,
      before.stable?.pid,
    ]);
    expect(after.state).toMatchObject({ percent: 0, promoting: null, lanes: { candidate: null } });
    expect(await health()).toMatchObject({ version: 'v0', releases: { stable: 'v0', candidate: null } });

    const back = await gateway.byHand({ rollbackTo: 'v-1' });
    expect(back.body.lanes.stable).toMatchObject({ release: 'v-1', state: 'ready', pid: before.stable?.pid });
    expect((await gateway.search(context())).body.release).toBe('v-1');
  });

  it('[P5.1] serves users from the old lane until a cold release is loaded', async () => {
    const asked = await gateway.byHand({ rollbackTo: 'v1' });
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
    await gateway.byHand({ lanes: { spare: 'v-1' } });
    const { lanes } = await gateway.until(ready('spare', 'v-1'));
    await gateway.byHand({ rollbackTo: 'v-1' });
    expect((await gateway.until(ready('stable', 'v-1'))).lanes.stable?.pid).toBe(lanes.spare?.pid);
  });
});
