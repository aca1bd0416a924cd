import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnyLane } from '../../domain/control/state.ts';
import type { SearchResponse } from '../../domain/control/http.ts';
import type { Probe } from '../../retrieval/evaluation/probe-check.ts';
import { checkProbes, probeRequest } from '../../retrieval/evaluation/probe-check.ts';
import { loadProbes } from '../../retrieval/evaluation/set.ts';
import { readManifest } from '../../retrieval/release/manifest.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import { unitVectors } from '../native/random-index.ts';
import type { TestGateway } from '../support/gateway-process.ts';
import { OLD_FLAGS, createTestGateway, metric, ready } from '../support/gateway-process.ts';

/** Kills of the gateway while it takes chunks; `npm run test:long` has more of them. */
const KILLS = Number(process.env['INGEST_KILLS'] ?? 5);
const AT_ONCE = 8;

let releases = '';
let probes: readonly Probe[] = [];
let encoder = '';
let dimension = 0;
let gateway: TestGateway;
beforeAll(async () => {
  releases = await releasesFolder(await smallRelease('v-1', 'good', OLD_FLAGS), await smallRelease('v0'));
  probes = await loadProbes(join(releases, 'v-1'));
  const manifest = await readManifest(join(releases, 'v-1'));
  ({ dimension } = manifest);
  encoder = manifest.encoder.name;
});
afterAll(() => rm(releases, { recursive: true }));

const logLength = async () => (await readFile(join(gateway.folder, 'state/ingest/log.jsonl'))).length;
const vectorOf = (seed: number) => Array.from(unitVectors(1, dimension, seed));
const chunk = (n: number) => ({ article: 'Added', seq: n, text: `chunk ${n}`, vector: vectorOf(n), encoder });

async function nearest(lane: AnyLane, vector: readonly number[]): Promise<SearchResponse['results'][number]> {
  const { body } = await gateway.control('POST', `/control/search/${lane}`, { vector, k: 1, explain: true });
  return body.results[0];
}

describe('a chunk', () => {
  beforeAll(async () => {
    gateway = await createTestGateway(releases);
    await gateway.start();
    await gateway.share(5);
  });
  afterAll(() => gateway.close());

  it('[M8] is found in both lanes within a second, is replaced by its id, and goes', async () => {
    const asked = await gateway.ingest({ article: 'Basalt', seq: 7, text: 'Columns of basalt cool slowly.' });
    expect(asked).toMatchObject({ status: 200, body: { id: 'Basalt#7', offset: expect.any(Number) } });
    const text = 'columns of basalt that cool';
    const found = async () => {
      const lanes = ['stable', 'candidate'] as const;
      const answers = lanes.map(async (lane) =>
        gateway.control('POST', `/control/search/${lane}`, { text, k: 1 }),
      );
      return (await Promise.all(answers)).map(({ body }) => body.results[0].id);
    };
    // A second is promised; a busy machine may take longer to start asking.
    await expect.poll(found, { timeout: 5_000, interval: 50 }).toEqual(['Basalt#7', 'Basalt#7']);

    await gateway.ingest({
      id: 'Basalt#7',
      article: 'Basalt',
      seq: 7,
      text: 'Another text.',
      vector: vectorOf(1),
      encoder,
    });
    await expect.poll(async () => (await nearest('stable', vectorOf(1))).text).toBe('Another text.');
    await expect.poll(found).not.toContain('Basalt#7');

    expect(await gateway.forget('Basalt#7')).toMatchObject({ status: 200, body: { id: 'Basalt#7' } });
    await expect.poll(async () => (await nearest('candidate', vectorOf(1))).id).not.toBe('Basalt#7');
    expect(metric(await gateway.metrics(), 'gateway_ingested_total', { op: 'put' })).toBe(2);
  });

  it('of the release itself goes as well, and probes answer as the release was built', async () => {
    const [{ ids: [best] } = { ids: [] }] = probes;
    await gateway.forget(best ?? '');
    for (let i = 0; i < 20; i++) await gateway.ingest(chunk(i));
    const [first] = probes;
    if (first === undefined) throw new Error('the release has no probes');
    const idsOf = async (body: object): Promise<string[]> => {
      const answer = await gateway.control('POST', '/control/search/stable', body);
      return answer.body.results.map(({ id }: { id: string }) => id);
    };
    const { context, exclude, k } = probeRequest(first);
    await expect.poll(() => idsOf({ context, exclude, k })).not.toContain(best);
    const checked = await checkProbes(probes, async (probe) => idsOf(probeRequest(probe)));
    expect(checked).toMatchObject({ verified: true, matching: probes.length });
  });

  it.each<[string, object, string]>([
    ['no text and no vector', { article: 'A', seq: 0 }, 'text'],
    ['no article', { seq: 0, text: 'a' }, 'article'],
    ['a negative seq', { article: 'A', seq: -1, text: 'a' }, 'seq'],
    ['an unknown field', { article: 'A', seq: 0, text: 'a', tags: [] }, 'tags'],
    ['a vector that is nobody’s', { article: 'A', seq: 0, vector: [1, 2] }, 'encoder'],
    [
      'a vector of another encoder',
      { article: 'A', seq: 0, vector: [1, 2], encoder: 'gtr-t5-base' },
      'encoder',
    ],
    ['a vector that is too short', { article: 'A', seq: 0, vector: [1, 2], encoder: 'ours' }, 'vector'],
    ['an empty id', { id: '', article: 'A', seq: 0, text: 'a' }, 'id'],
  ])('with %s is refused, and nothing is written', async (_, body, field) => {
    const before = await logLength();
    const asked = await gateway.ingest(
      'encoder' in body && body.encoder === 'ours' ? { ...body, encoder } : body,
    );
    expect(asked).toMatchObject({ status: 400, body: { field } });
    expect(await logLength()).toBe(before);
  });

  it('is refused without the token', async () => {
    for (const headers of [{}, { authorization: 'Bearer control' }]) {
      const answer = await fetch(`${gateway.url()}/ingest`, {
        method: 'POST',
        headers,
        body: JSON.stringify(chunk(1)),
      });
      expect(answer.status).toBe(401);
      expect((await fetch(`${gateway.url()}/ingest/a`, { method: 'DELETE', headers })).status).toBe(401);
    }
  });

  it('is there again before a killed lane answers', async () => {
    await gateway.ingest(chunk(3));
    const { body: view } = await gateway.control('GET', '/control');
    process.kill(view.lanes.stable.pid, 'SIGKILL');
    await gateway.until((now) => ready('stable')(now) && now.lanes.stable?.pid !== view.lanes.stable.pid);
    expect(await nearest('stable', vectorOf(3))).toMatchObject({ id: 'Added#3', text: 'chunk 3' });
  });
});

it(
  `loses nothing that was acknowledged in ${KILLS} kills of the gateway`,
  { timeout: 30_000 + KILLS * 15_000 },
  async () => {
    gateway = await createTestGateway(releases);
    const acknowledged: number[] = [];
    let next = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      await gateway.start();
      const before = acknowledged.length;
      const ingestSome = async () => {
        for (;;) {
          const n = next++;
          const answer = await gateway.ingest(chunk(n)).catch(() => null);
          if (answer?.status !== 200) return;
          acknowledged.push(n);
        }
      };
      const ingesting = Array.from({ length: AT_ONCE }, ingestSome);
      await expect
        .poll(() => acknowledged.length, { timeout: 20_000, interval: 1 })
        .toBeGreaterThan(before + 5 + kill * 3);
      await gateway.kill();
      await Promise.all(ingesting);
    }
    await gateway.start();
    expect(acknowledged.length).toBeGreaterThan(KILLS * 5);
    for (const n of acknowledged) expect((await nearest('stable', vectorOf(n))).id).toBe(`Added#${n}`);
    await gateway.close();
  },
);
