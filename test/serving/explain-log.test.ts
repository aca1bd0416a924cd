import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { probeRequest } from '../../retrieval/evaluation/probe-check.ts';
import { loadProbes } from '../../retrieval/evaluation/set.ts';
import type { ExplainedQuery } from '../../serving/retriever/explain-log.ts';
import { openExplainLog } from '../../serving/retriever/explain-log.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { TestGateway } from '../support/gateway-process.ts';
import { createTestGateway } from '../support/gateway-process.ts';

const linesOf = async (file: string) =>
  (await readFile(file, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('the log of explained queries', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'explain-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const query = (i: number): ExplainedQuery => ({
    atMs: i,
    requestId: `request ${i}`,
    lane: 'stable',
    kind: 'context',
    flags: { impl: 'amn_v0', reranker: 'on', nprobe: 8 },
    cosines: [0.9, 0.8],
    margins: [0, 0.1],
    articles: { results: 2, distinct: 1, most: 2, ofFirst: 2 },
    top: [],
  });
  const open = (maxBytes: number) =>
    openExplainLog({
      folder,
      release: 'v1',
      maxBytes,
      withTexts: false,
      onFault: (error) => {
        throw error;
      },
    });

  it('keeps the newest queries, in whole lines, and stays within its bound', async () => {
    const maxBytes = 20_000;
    for (let i = 0; i < 300; i += 10) {
      const log = open(maxBytes);
      for (let j = i; j < i + 10; j++) log.add(query(j));
      await log.close();
    }
    const files = (await readdir(folder)).toSorted();
    expect(files).toEqual(['v1.1.jsonl', 'v1.jsonl']);
    const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).size));
    expect(sizes[0]! + sizes[1]!).toBeLessThanOrEqual(maxBytes);
    const ids = (await Promise.all(files.map((file) => linesOf(join(folder, file))))).flat();
    expect(ids.at(-1)).toMatchObject({ release: 'v1', requestId: 'request 299' });
    expect(ids.map(({ atMs }) => atMs)).toEqual(ids.map((_, i) => 300 - ids.length + i));
  });

  it('loses lines, not memory, where they come faster than they are written', async () => {
    const log = open(1e9);
    for (let i = 0; i < 5_000; i++) log.add(query(i));
    await log.close();
    expect(await linesOf(join(folder, 'v1.jsonl'))).toHaveLength(1_000);
  });
});

describe('a lane', () => {
  let releases = '';
  let gateway: TestGateway;
  let probe: Awaited<ReturnType<typeof loadProbes>>[number];
  beforeAll(async () => {
    const release = await smallRelease('v-1');
    releases = await releasesFolder(release);
    [probe] = (await loadProbes(release)) as [typeof probe];
    gateway = await createTestGateway(releases);
  }, 300_000);
  afterAll(async () => {
    await gateway.close();
    await rm(releases, { recursive: true });
  });
  afterEach(() => gateway.kill());

  const log = () => join(gateway.folder, 'state/explain/v-1.jsonl');
  const explained = () => vi.waitFor(() => linesOf(log()), { timeout: 10_000 });

  it('[L3.1] explains one query in a hundred: cosines, margins, articles, and the features of the first five', async () => {
    await gateway.start();
    for (let i = 0; i < 101; i++) await gateway.search(probeRequest(probe), { 'x-request-id': `asked-${i}` });
    await vi.waitFor(async () => expect(await linesOf(log())).toHaveLength(2), { timeout: 10_000 });
    const [first] = await explained();
    expect(first).toMatchObject({
      requestId: 'asked-0',
      release: 'v-1',
      lane: 'stable',
      kind: 'context',
      flags: { impl: 'amn_v0', reranker: 'on' },
      articles: { results: 10 },
    });
    expect(first.cosines).toHaveLength(50);
    expect(first.cosines).toEqual(first.cosines.toSorted((a: number, b: number) => b - a));
    expect(first.margins[0]).toBe(0);
    expect(first.margins[7]).toBeCloseTo(first.cosines[0] - first.cosines[7], 3);
    const { body } = await gateway.search(probeRequest(probe));
    expect(first.top.map(({ id }: { id: string }) => id)).toEqual(
      body.results.slice(0, 5).map(({ id }: { id: string }) => id),
    );
    expect(Object.keys(first.top[0]).toSorted()).toEqual(
      [
        'article',
        'articleContext',
        'cosine',
        'diversity',
        'id',
        'margin',
        'rankBefore',
        'rerankScore',
      ].toSorted(),
    );
    const articles = body.results.map(({ article }: { article: string }) => article);
    expect(first.articles.distinct).toBe(new Set(articles).size);
    expect(first.articles.ofFirst).toBe(articles.filter((one: string) => one === articles[0]).length);
  });

  it.each([
    ['keeps no text of a query', {}, undefined],
    ['keeps it where that is asked for', { EXPLAIN_LOG_TEXTS: 'on' }, ['what is a comet?']],
  ])('%s', async (_what, env, texts) => {
    await rm(log(), { force: true });
    await gateway.start(env);
    await gateway.search({ text: 'what is a comet?' });
    const [line] = await explained();
    expect(line.kind).toBe('text');
    expect(line.texts).toEqual(texts);
  });

  it('writes nothing where it is off', async () => {
    await rm(log(), { force: true });
    await gateway.start({ EXPLAIN_LOG: 'off' });
    await gateway.search(probeRequest(probe));
    await gateway.terminate();
    await expect(stat(log())).rejects.toThrow('ENOENT');
  });
});
