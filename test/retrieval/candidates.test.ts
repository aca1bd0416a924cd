import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findCandidates } from '../../retrieval/candidates.ts';
import type { CorpusChunk } from '../../retrieval/corpus/jsonl.ts';
import { openIndex } from '../../retrieval/index/open.ts';
import { LiveCorpus } from '../../retrieval/live-corpus.ts';
import { unitVectors, writeIndex } from '../native/random-index.ts';

const DIMENSION = 24;
const NLIST = 8;
const OTHERS = 600;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'candidates-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const chunkOf = (row: number): CorpusChunk => ({
  article: 'a',
  seq: row,
  text: `chunk ${row}`,
  id: `${row}`,
});
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

/** A corpus of these rows, searched with as many lists as its index has or fewer. */
async function corpusOf(vectors: Float32Array) {
  const { file } = writeIndex(folder, `IVF${NLIST},Flat`, vectors, DIMENSION);
  const index = await openIndex(file);
  const rows = vectors.length / DIMENSION;
  return new LiveCorpus(
    index,
    Array.from({ length: rows }, (_, row) => chunkOf(row)),
  );
}

/** A text that occurs `times` times, then others. */
function withBoilerplate(times: number) {
  const others = unitVectors(OTHERS, DIMENSION, 3);
  const boilerplate = unitVectors(1, DIMENSION, 4);
  const vectors = new Float32Array((times + OTHERS) * DIMENSION);
  for (let row = 0; row < times; row++) vectors.set(boilerplate, row * DIMENSION);
  vectors.set(others, times * DIMENSION);
  return { vectors, boilerplate };
}

/** What a look at every row finds: rows by cosine that are neither of the context's text nor left out. */
function byBruteForce(
  corpus: LiveCorpus,
  {
    vector,
    context,
    exclude,
  }: { vector: Float32Array; context: readonly Float32Array[]; exclude: readonly string[] },
  depth: number,
): number[] {
  return corpus.chunks
    .map(({ id }, row) => ({ id, row, at: corpus.index.vectorsOf([row]) }))
    .filter(({ row }) => !corpus.isGone(row))
    .filter(({ id, at }) => !exclude.includes(id) && context.every((chunk) => dot(chunk, at) < 1 - 1e-5))
    .map(({ row, at }) => ({ row, cosine: dot(vector, at) }))
    .toSorted((a, b) => b.cosine - a.cosine)
    .slice(0, depth)
    .map(({ row }) => row);
}

describe('a context whose text occurs often', () => {
  it.each([90, 5_000])('%i times gets the best of all others', async (times) => {
    const { vectors, boilerplate } = withBoilerplate(times);
    const corpus = await corpusOf(vectors);
    const asked = { vector: boilerplate, context: [boilerplate], exclude: [] };
    for (const depth of [10, 50]) {
      const { rows } = await findCandidates(corpus, { ...asked, nprobe: NLIST, depth });
      expect(rows).toEqual(byBruteForce(corpus, asked, depth));
    }
    corpus.index.close();
  });

  it('gets as many where the lists that are searched hold nothing else', async () => {
    const { vectors, boilerplate } = withBoilerplate(5_000);
    const corpus = await corpusOf(vectors);
    const { rows } = await findCandidates(corpus, {
      vector: boilerplate,
      context: [boilerplate],
      exclude: [],
      nprobe: 1,
    });
    expect(rows).toHaveLength(50);
    expect(rows.filter((row) => row < 5_000)).toEqual([]);
    corpus.index.close();
  });

  it('gets all others where there are fewer than it wants', async () => {
    const { vectors, boilerplate } = withBoilerplate(400);
    const corpus = await corpusOf(vectors.slice(0, (400 + 7) * DIMENSION));
    const asked = { vector: boilerplate, context: [boilerplate], exclude: ['401'] };
    const { rows } = await findCandidates(corpus, { ...asked, nprobe: 1 });
    expect(rows).toEqual(byBruteForce(corpus, asked, 50));
    expect(rows).toHaveLength(6);
    corpus.index.close();
  });

  it('gets the best others after any additions, removals and exclusions', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          copies: fc.integer({ min: 0, max: 300 }),
          added: fc.array(fc.boolean(), { maxLength: 150 }),
          removed: fc.uniqueArray(fc.nat(400), { maxLength: 200 }),
          exclude: fc.uniqueArray(fc.nat(450), { maxLength: 100 }),
          depth: fc.integer({ min: 1, max: 50 }),
          seed: fc.nat(1_000),
        }),
        async ({ copies, added, removed, exclude, depth, seed }) => {
          const { vectors, boilerplate } = withBoilerplate(copies);
          const corpus = await corpusOf(vectors.slice(0, (copies + 150) * DIMENSION));
          for (const [i, same] of added.entries())
            corpus.put(
              chunkOf(corpus.chunks.length),
              same ? boilerplate : unitVectors(1, DIMENSION, 10_000 + i),
            );
          for (const row of removed) corpus.remove(`${row}`);
          const asked = {
            vector: unitVectors(1, DIMENSION, seed),
            context: [boilerplate, unitVectors(1, DIMENSION, seed + 1)],
            exclude: exclude.map(String),
          };
          const { rows } = await findCandidates(corpus, { ...asked, nprobe: NLIST, depth });
          expect(rows).toEqual(byBruteForce(corpus, asked, depth));
          const few = await findCandidates(corpus, { ...asked, nprobe: 1, depth });
          expect(few.rows).toHaveLength(rows.length);
          corpus.index.close();
        },
      ),
      { numRuns: 25 },
    );
  });
});
