import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Index } from 'faiss-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NativeIndex, SearchResult } from '../../native/index.ts';
import { openIndex } from '../../native/index.ts';
import { unitVectors, writeIndex } from './random-index.ts';

const DIMENSION = 100;
const ROWS = 2_000;
const NLIST = 16;
const K = 10;
/** Whose memory is watched; `npm run test:long` makes a million. */
const SEARCHES = Number(process.env['SEARCHES'] ?? 20_000);

let folder: string;
let vectors: Float32Array<ArrayBuffer>;
let ivf: NativeIndex;
let flat: NativeIndex;
let faissIvf: Index;
let faissFlat: Index;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'native-'));
  vectors = unitVectors(ROWS, DIMENSION, 1);
  const writtenIvf = writeIndex(folder, `IVF${NLIST},Flat`, vectors, DIMENSION);
  const writtenFlat = writeIndex(folder, 'Flat', vectors, DIMENSION);
  [faissIvf, faissFlat] = [writtenIvf.index, writtenFlat.index];
  ivf = await openIndex(writtenIvf.file);
  flat = await openIndex(writtenFlat.file);
});

afterAll(() => {
  ivf.close();
  flat.close();
  rmSync(folder, { recursive: true });
});

/** Ids of query i out of faiss-node's or our own result. */
const idsOf = (ids: ArrayLike<number | bigint>, query: number, k = K) =>
  Array.from(ids)
    .map(Number)
    .slice(query * k, (query + 1) * k);

describe('search', () => {
  it('says what it opened', () => {
    expect(ivf).toMatchObject({ dimension: DIMENSION, ntotal: ROWS, nlist: NLIST, kind: 'ivf-flat' });
    expect(flat).toMatchObject({ dimension: DIMENSION, ntotal: ROWS, nlist: null, kind: 'flat' });
  });

  it.each([
    ['one query', 1],
    ['several queries', 7],
    ['a batch large enough for the matrix product', 64],
  ])('answers %s as faiss-node does', async (_name, n) => {
    const queries = unitVectors(n, DIMENSION, 2);
    // faiss-node has no setter for nprobe: FAISS's default of 1 is what it searches with.
    for (const [ours, theirs] of [
      [ivf, faissIvf],
      [flat, faissFlat],
    ] as const) {
      const expected = theirs.search(Array.from(queries), K);
      const { ids, scores } = await ours.search(queries, K, 1);
      expect(Array.from(ids, Number)).toEqual(expected.labels);
      scores.forEach((score, i) => expect(score).toBeCloseTo(expected.distances[i] ?? Number.NaN, 5));
    }
  });

  it('finds what FLAT finds when it looks into all lists', async () => {
    const queries = unitVectors(20, DIMENSION, 3);
    const truth = faissFlat.search(Array.from(queries), K);
    for (const nprobe of [NLIST, NLIST * 100]) {
      const { ids } = await ivf.search(queries, K, nprobe);
      for (let query = 0; query < 20; query++) {
        expect(new Set(idsOf(ids, query))).toEqual(new Set(idsOf(truth.labels, query)));
      }
    }
  });

  it('keeps the nprobe of each call apart when searches run side by side', async () => {
    const queries = unitVectors(32, DIMENSION, 4);
    const nprobes = [1, 2, 4, 8, NLIST];
    const alone: SearchResult[] = [];
    for (const nprobe of nprobes) alone.push(await ivf.search(queries, K, nprobe));
    const calls = Array.from({ length: 100 }, (_, i) => i % nprobes.length);
    const together = await Promise.all(calls.map((which) => ivf.search(queries, K, nprobes[which] ?? 0)));
    together.forEach(({ ids }, call) => expect(ids).toEqual(alone[calls[call] ?? 0]?.ids));
    expect(alone[0]?.ids).not.toEqual(alone[4]?.ids);
  });

  it('reads the queries before it returns, so that the caller may reuse its array', async () => {
    const queries = unitVectors(8, DIMENSION, 5);
    const expected = await ivf.search(queries.slice(), K, 4);
    const underWay = ivf.search(queries, K, 4);
    queries.fill(0);
    expect((await underWay).ids).toEqual(expected.ids);
  });

  it('fills up with -1 where there are fewer rows than k', async () => {
    const { ids } = await flat.search(unitVectors(1, DIMENSION, 6), ROWS + 3, 1);
    expect(ids.length).toBe(ROWS + 3);
    expect(idsOf(ids.slice(-4), 0, 4)).toEqual([expect.any(Number), -1, -1, -1]);
    expect(ids.at(-4)).toBeGreaterThanOrEqual(0n);
  });

  it(
    `does not grow over ${SEARCHES.toLocaleString('en')} searches`,
    { timeout: 60_000 + SEARCHES },
    async () => {
      setFlagsFromString('--expose-gc');
      const collect: () => void = runInNewContext('gc');
      const wide = unitVectors(200, 768, 7);
      const index = await openIndex(writeIndex(folder, 'IVF4,Flat', wide, 768).file);
      const query = wide.slice(0, 768);
      const searchMany = async (times: number) => {
        for (let i = 0; i < times; i += 50) {
          await Promise.all(Array.from({ length: 50 }, () => index.search(query, 50, 1)));
        }
        collect();
        return process.memoryUsage.rss();
      };
      const before = await searchMany(2_000);
      const after = await searchMany(SEARCHES);
      index.close();
      // A query that is never freed is 3 kB: 61 MB over these searches.
      expect((after - before) / 2 ** 20).toBeLessThan(20);
    },
  );
});

describe('rows and lists', () => {
  it.each([
    ['IVF-Flat', () => ivf],
    ['flat', () => flat],
  ] as const)('gives back the rows of %s', (_name, index) => {
    const [from, count] = [123, 50];
    expect(index().vectorsOf(Array.from({ length: count }, (_, i) => from + i))).toEqual(
      vectors.slice(from * DIMENSION, (from + count) * DIMENSION),
    );
  });

  it('[M7] counts the rows of each list', () => {
    const { listSizes: sizes, rows, meanNorm, imbalance } = ivf.statistics();
    expect(sizes?.length).toBe(NLIST);
    expect(sizes?.reduce((sum, size) => sum + size, 0)).toBe(ROWS);
    expect({ rows, meanNorm }).toEqual({ rows: ROWS, meanNorm: expect.closeTo(1, 5) });
    const squares = sizes?.reduce((sum, size) => sum + size ** 2, 0) ?? NaN;
    expect(imbalance).toBeCloseTo((NLIST * squares) / ROWS ** 2, 10);
    expect(flat.statistics()).toMatchObject({ listSizes: null, imbalance: null, rows: ROWS });
  });
});
