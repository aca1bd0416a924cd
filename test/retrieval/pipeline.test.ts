import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import faiss from 'faiss-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Flags } from '../../domain/control/state.ts';
import { formatChunk, readChunks } from '../../retrieval/corpus/jsonl.ts';
import { evaluate } from '../../retrieval/evaluation/evaluate.ts';
import type { LabelledQuery } from '../../retrieval/evaluation/set.ts';
import { loadEvaluationSet, loadProbes } from '../../retrieval/evaluation/set.ts';
import { vectorToBase64 } from '../../retrieval/ingest/record.ts';
import type { Pipeline } from '../../retrieval/pipeline.ts';
import { openPipeline } from '../../retrieval/pipeline.ts';
import { copyRelease, smallRelease } from '../fixtures/releases.ts';

const FLAGS: Flags = { impl: 'amn_v0', reranker: 'on', nprobe: 8 };
const PLAIN: Flags = { ...FLAGS, reranker: 'off' };

let dir: string;
let pipeline: Pipeline;
let queries: readonly LabelledQuery[];
let query: LabelledQuery;
let texts: Map<string, string>;

beforeAll(async () => {
  dir = await smallRelease('small');
  pipeline = await openPipeline(dir, { verify: true });
  await pipeline.warmUp();
  ({ queries } = await loadEvaluationSet(dir));
  const [first] = queries;
  if (!first) throw new Error('the small release has no labelled query');
  query = first;
  texts = new Map((await readChunks(join(dir, 'corpus.jsonl'))).map(({ id, text }) => [id, text]));
});
afterAll(() => pipeline.close());

const idsOf = async (asked: Pipeline, { context, exclude }: LabelledQuery, flags = FLAGS, k = 50) =>
  (await asked.search({ kind: 'context', context, exclude, k }, flags)).results.map(({ id }) => id);

const firstVector = () => query.context[0] ?? new Float32Array();

describe('a context query', () => {
  it('gets the ids that the probes know', async () => {
    for (const { context, exclude, ids } of await loadProbes(dir)) {
      const { results } = await pipeline.search({ kind: 'context', context, exclude, k: ids.length }, FLAGS);
      expect(results.map(({ id }) => id)).toEqual(ids);
    }
  });

  it.each<[string, (q: LabelledQuery) => readonly (string | Float32Array)[]]>([
    ['vectors', ({ context }) => context],
    ['texts', ({ exclude }) => exclude.map((id) => texts.get(id) ?? '')],
  ])('never gets its own chunks back, given as %s and not excluded by id', async (_, contextOf) => {
    for (const asked of queries.slice(0, 8)) {
      const { results } = await pipeline.search(
        { kind: 'context', context: contextOf(asked), exclude: [], k: 50 },
        FLAGS,
      );
      expect(results).toHaveLength(50);
      expect(results.filter(({ id }) => asked.exclude.includes(id))).toEqual([]);
    }
  });

  it('gets the same answer for its texts as for their vectors', async () => {
    const context = query.exclude.map((id) => texts.get(id) ?? '');
    const { results, timings } = await pipeline.search(
      { kind: 'context', context, exclude: [], k: 10 },
      FLAGS,
    );
    expect(results.map(({ id }) => id)).toEqual(await idsOf(pipeline, query, FLAGS, 10));
    expect(timings.encodeMs).toBeGreaterThan(0);
  });

  it('gets neither what it excludes nor fewer results for it', async () => {
    const unwanted = (await idsOf(pipeline, query)).slice(0, 20);
    const narrowed = await idsOf(pipeline, { ...query, exclude: [...query.exclude, ...unwanted] });
    expect(narrowed).toHaveLength(50);
    expect(narrowed.filter((id) => unwanted.includes(id))).toEqual([]);
  });

  it.each([90, 2_000])(
    'gets 50 candidates and k results where its text was ingested %i times',
    async (times) => {
      const live = await openPipeline(dir);
      const [boilerplate = new Float32Array()] = query.context;
      const { sha256: encoder } = live.manifest.encoder;
      const put = {
        op: 'put',
        article: 'footer',
        text: '',
        vector: vectorToBase64(boilerplate),
        encoder,
      } as const;
      for (let seq = 0; seq < times; seq++) await live.apply({ ...put, id: `footer#${seq}`, seq });
      const context = query.context.map(() => boilerplate);
      const asked = { kind: 'context', context, exclude: query.exclude, k: 10, whole: true } as const;
      const answer = await live.search(asked, { ...FLAGS, nprobe: 1 });
      const { plain, reranked } = answer.orders();
      expect({ results: answer.results.length, plain: plain.length, reranked: reranked?.length }).toEqual({
        results: 10,
        plain: 50,
        reranked: 50,
      });
      expect(plain.filter((id) => id.startsWith('footer'))).toEqual([]);
      expect(await answer.recall()).toMatchObject({ expected: 10 });
      await live.close();
    },
  );

  it('is ordered by cosine without the reranker; with it the same candidates come in another order', async () => {
    const plain = await pipeline.search({ kind: 'context', ...query, k: 50 }, PLAIN);
    const scores = plain.results.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    expect(plain).toMatchObject({ rank1Changed: null, timings: { encodeMs: null, rerankMs: null } });
    const reranked = await pipeline.search({ kind: 'context', ...query, k: 50 }, FLAGS);
    const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
    expect(reranked.results.toSorted(byId)).toEqual(plain.results.toSorted(byId));
    expect(reranked.results).not.toEqual(plain.results);
    expect(reranked.rank1Changed).toBe(reranked.results[0]?.id !== plain.results[0]?.id);
    expect(reranked.timings.rerankMs).toBeGreaterThan(0);
  });

  it('[P3.4] asks the predictor that the flags name', async () => {
    const scores = async (impl: Flags['impl']) =>
      (await pipeline.search({ kind: 'context', ...query, k: 5 }, { ...PLAIN, impl })).results.map(
        ({ score }) => score,
      );
    expect(await scores('gru_v0')).not.toEqual(await scores('amn_v0'));
  });

  it('does not depend on where in an article a chunk lies', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'renumbered-'));
    const copy = await copyRelease(dir, folder);
    const chunks = await readChunks(join(copy, 'corpus.jsonl'));
    const renumbered = chunks.map((chunk, row) => formatChunk({ ...chunk, seq: 1000 - row }));
    await writeFile(join(copy, 'corpus.jsonl'), `${renumbered.join('\n')}\n`);
    const other = await openPipeline(copy);
    expect(await idsOf(other, query)).toEqual(await idsOf(pipeline, query));
    await other.close();
    await rm(folder, { recursive: true });
  });
});

describe('a query by vector or text', () => {
  it('gets what faiss-node finds in the truth index', async () => {
    const flat = faiss.IndexFlatIP.read(join(dir, 'p_flat_ip.faiss'));
    const rows = await readChunks(join(dir, 'corpus.jsonl'));
    for (const { context } of queries.slice(0, 10)) {
      const vector = context[2] ?? new Float32Array();
      const truth = flat.search(Array.from(vector), 10);
      const { results, quality } = await pipeline.search(
        { kind: 'vector', vector, exclude: [], k: 10 },
        FLAGS,
      );
      expect(results.map(({ id }) => id)).toEqual(truth.labels.map((row) => rows[row]?.id));
      expect(results[0]?.score).toBeCloseTo(1, 5);
      expect(quality).toBe('hit');
    }
  });

  it('finds a chunk by its own words, and carries texts where asked to', async () => {
    const text = 'the furnace and the pipe of a glassblower';
    const { results, timings } = await pipeline.search(
      { kind: 'text', text, exclude: [], k: 3, explain: true },
      FLAGS,
    );
    expect(results[0]).toMatchObject({ article: 'Glassblowing', text: expect.stringContaining('lassblow') });
    expect(timings).toMatchObject({ predictMs: null, rerankMs: null });
  });

  it('[L3.1] says why its first five are there', async () => {
    const [{ context } = { context: [] }] = queries;
    const asked = { kind: 'context', context, exclude: [], k: 8, explain: true } as const;
    const { results } = await pipeline.search(asked, { ...FLAGS, reranker: 'on' });
    expect(results.map(({ why }) => why !== undefined)).toEqual([
      true,
      true,
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
    const scores = results.slice(0, 5).map(({ why }) => why?.rerankScore ?? NaN);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    const plain = await pipeline.search({ ...asked, k: 50 }, { ...FLAGS, reranker: 'off' });
    for (const { id, score, why } of results.slice(0, 5)) {
      expect(why?.cosine).toBeCloseTo(score, 6);
      const place = plain.results.findIndex((result) => result.id === id);
      expect(why?.rankBefore).toBe(place + 1);
    }
    expect(plain.results[0]?.why).toMatchObject({ margin: 0, rerankScore: null, rankBefore: 1 });
    expect(plain.results[0]?.why?.articleContext).toBeTypeOf('number');

    const vector = context[0] ?? new Float32Array();
    const [first] = (
      await pipeline.search({ kind: 'vector', vector, exclude: [], k: 1, explain: true }, FLAGS)
    ).results;
    expect(first?.why).toMatchObject({ articleContext: null, rankBefore: 1 });
    expect(first?.why?.cosine).toBeCloseTo(1, 5);
  });

  it.each([
    [
      'of another length',
      () => new Float32Array(3),
      /a vector has 3 numbers, this release has dimension 384/,
    ],
    ['with NaN', () => firstVector().with(5, NaN), /not a finite number/],
    ['with infinity', () => firstVector().with(5, Infinity), /not a finite number/],
  ])('is refused with a vector %s', async (_, vector, message) => {
    const asked = pipeline.search({ kind: 'vector', vector: vector(), exclude: [], k: 3 }, FLAGS);
    await expect(asked).rejects.toThrow(message);
  });
});

describe('what tells a faulty release from a good one', () => {
  const shareOfHits = async (asked: Pipeline) => {
    const answers = await Promise.all(
      queries.map(async (q) => asked.search({ kind: 'context', ...q, k: 10 }, asked.manifest.flags)),
    );
    return answers.filter(({ quality }) => quality === 'hit').length / answers.length;
  };
  const recallOf = async (asked: Pipeline) =>
    (await evaluate(queries, (q) => idsOf(asked, q, asked.manifest.flags), { concurrency: 2 })).R_at_5;

  it('a good release reaches the share and the recall that it claims', async () => {
    const claimed: unknown = JSON.parse(await readFile(join(dir, 'metrics.json'), 'utf8'));
    expect(claimed).toMatchObject({
      expectedShare: await shareOfHits(pipeline),
      R_at_5: await recallOf(pipeline),
    });
  });

  it('[M3] a noise predictor shows in the share of hits', async () => {
    const bad = await openPipeline(await smallRelease('noise', 'bad-predictor'), { verify: true });
    expect(await shareOfHits(bad)).toBeLessThan(bad.manifest.expectedShare - 0.5);
    await bad.close();
  });

  it('a permuted map shows in the recall alone', async () => {
    const bad = await openPipeline(await smallRelease('ids', 'bad-ids'), { verify: true });
    expect(await shareOfHits(bad)).toBe(bad.manifest.expectedShare);
    expect(await recallOf(bad)).toBeLessThan((await recallOf(pipeline)) - 0.3);
    await bad.close();
  });

  it('a reranker whose table ends too early fails its share of the queries, and no other', async () => {
    const bad = await openPipeline(await smallRelease('crash', 'bad-crash'), { verify: true });
    await bad.warmUp();
    const answers = [];
    for (const asked of queries) answers.push(await idsOf(bad, asked).catch(String));
    const failed = answers.filter((answer) => typeof answer === 'string');
    expect(failed.length / queries.length).toBeGreaterThan(0.05);
    expect(failed.length / queries.length).toBeLessThan(0.2);
    expect(failed[0]).toMatch(/Gather node.*out of data bounds/);
    const good = [];
    for (const [i, asked] of queries.entries())
      good.push(typeof answers[i] === 'string' ? answers[i] : await idsOf(pipeline, asked));
    expect(answers).toEqual(good);
    await bad.close();
  });
});
