import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import faiss from 'faiss-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NativeIndex } from '../../native/index.ts';
import { openIndex } from '../../native/index.ts';
import { unitVectors } from './random-index.ts';

const DIMENSION = 70;
const ROWS = 1_500;
const NLIST = 12;
const BASE = 1_000;
const K = 20;
const vectors = unitVectors(ROWS, DIMENSION, 5);
const queries = unitVectors(60, DIMENSION, 6);
const rowOf = (row: number) => vectors.slice(row * DIMENSION, (row + 1) * DIMENSION);

let folder: string;
/** The first 1,000 rows; FAISS's index of all of them, with as many probes as lists. */
let file: string;
let whole: faiss.Index;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'changes-'));
  file = join(folder, 'base.faiss');
  const index = faiss.Index.fromFactory(DIMENSION, `IVF${NLIST},Flat`, faiss.MetricType.METRIC_INNER_PRODUCT);
  index.train(Array.from(vectors));
  index.add(Array.from(vectors.subarray(0, BASE * DIMENSION)));
  index.write(file);
  index.add(Array.from(vectors.subarray(BASE * DIMENSION)));
  whole = index;
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Without how long it took. */
async function found(index: NativeIndex, nprobe: number, asBuilt = false) {
  const { ids, scores } = await index.search(queries, K, nprobe, [], asBuilt);
  return { ids, scores };
}

async function opened() {
  const index = await openIndex(file);
  const addTo = (to: number) => {
    for (let row = BASE; row < to; row++) expect(index.add(rowOf(row))).toBe(row);
  };
  const idsOf = async (nprobe: number, exclude: readonly number[] = []) =>
    Array.from((await index.search(queries, K, nprobe, exclude)).ids, Number);
  return { index, addTo, idsOf };
}

describe('rows that are added', () => {
  it('are found as if FAISS had added them, in the nearest list alone', async () => {
    const { index, addTo, idsOf } = await opened();
    addTo(ROWS);
    // faiss-node searches one list, as its files say.
    expect(await idsOf(1)).toEqual(whole.search(Array.from(queries), K).labels);
    index.close();
  });

  it('give their vectors and count', async () => {
    const { index, addTo } = await opened();
    const before = index.statistics();
    addTo(BASE + 7);
    expect(index.vectorsOf([3, BASE + 6])).toEqual(Float32Array.from([...rowOf(3), ...rowOf(BASE + 6)]));
    const { rows, added, listSizes } = index.statistics();
    expect({ rows, added }).toEqual({ rows: BASE + 7, added: 7 });
    const grown = listSizes?.reduce((sum, size, list) => sum + size - (before.listSizes?.[list] ?? 0), 0);
    expect(grown).toBe(7);
    expect(() => index.vectorsOf([BASE + 7])).toThrow(`there is no row ${BASE + 7}`);
    index.close();
  });

  it('are seen whole by searches that run meanwhile', async () => {
    const { index } = await opened();
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
    const searchWhole = async () => {
      const { ids, scores } = await index.search(queries, K, NLIST);
      return Array.from(ids, (id, i) => {
        const query = Math.floor(i / K) * DIMENSION;
        const score = dot(index.vectorsOf([Number(id)]), queries.subarray(query, query + DIMENSION));
        return Math.abs(score - (scores[i] ?? 0));
      });
    };
    const underWay: Promise<number[]>[] = [];
    for (let row = BASE; row < ROWS; row++) {
      if (row % 5 === 0) underWay.push(searchWhole());
      index.add(rowOf(row));
    }
    // Half a row would have another score than its whole.
    for (const differences of await Promise.all(underWay))
      expect(Math.max(...differences)).toBeLessThan(1e-5);
    expect(index.statistics().rows).toBe(ROWS);
    index.close();
  });
});

describe('rows that are removed', () => {
  it('are found no more, and the next best take their places', async () => {
    const { index, addTo, idsOf } = await opened();
    addTo(ROWS);
    const gone = [...new Set((await idsOf(NLIST)).filter((_, i) => i % 3 === 0))];
    const without = await idsOf(NLIST, gone);
    for (const id of gone) expect(index.remove(id)).toBe(true);
    expect(await idsOf(NLIST)).toEqual(without);
    expect(index.remove(gone[0] ?? 0)).toBe(false);
    expect(index.remove(ROWS)).toBe(false);
    expect(index.statistics()).toMatchObject({ rows: ROWS - gone.length, removed: gone.length });
    index.close();
  });

  it('leave an index that can be empty', async () => {
    const { index, idsOf } = await opened();
    for (let row = 0; row < BASE; row++) index.remove(row);
    expect(new Set(await idsOf(NLIST))).toEqual(new Set([-1]));
    expect(index.statistics()).toMatchObject({ rows: 0, meanNorm: 0, imbalance: null });
    index.close();
  });
});

it('can be searched as it was built, whatever came and went', async () => {
  const { index, addTo } = await opened();
  const before = await found(index, NLIST);
  addTo(ROWS);
  for (const id of before.ids.slice(0, 50)) index.remove(Number(id));
  expect(await found(index, NLIST, true)).toEqual(before);
  expect(await found(index, NLIST)).not.toEqual(before);
  index.close();
});

describe('a file of codes', () => {
  const codesFile = () => join(folder, 'base.codes');
  beforeAll(async () => {
    const index = await openIndex(file);
    await index.writeCodes(codesFile());
    index.close();
  });

  it('gives the same results as codes that were computed', async () => {
    const computed = await openIndex(file);
    const mapped = await openIndex(file, { codes: codesFile() });
    for (const nprobe of [1, 4, NLIST])
      expect(await found(mapped, nprobe)).toEqual(await found(computed, nprobe));
    expect(mapped.statistics()).toEqual(computed.statistics());
    mapped.close();
    computed.close();
  });

  it('is the same bytes each time', async () => {
    const index = await openIndex(file, { codes: codesFile() });
    const again = join(folder, 'again.codes');
    await index.writeCodes(again);
    index.close();
    expect(readFileSync(again).equals(readFileSync(codesFile()))).toBe(true);
  });

  it.each<[string, () => Buffer, RegExp]>([
    ['was cut off', () => readFileSync(codesFile()).subarray(0, -1), /does not have the size/],
    ['is empty', () => Buffer.alloc(0), /does not have the size/],
    ['is something else', () => readFileSync(codesFile()).fill(7, 0, 64), /codes of another index/],
    [
      'is of an index that looks the same',
      () => readFileSync(codesFile()).fill(1, 32, 40),
      /codes of another index/,
    ],
  ])('is refused by name when it %s', async (_, bytes, reason) => {
    const broken = join(folder, 'broken.codes');
    writeFileSync(broken, bytes());
    await expect(openIndex(file, { codes: broken })).rejects.toThrow(reason);
    await expect(openIndex(file, { codes: broken })).rejects.toThrow('broken.codes');
  });

  it('is refused by name when it is missing', async () => {
    await expect(openIndex(file, { codes: join(folder, 'nowhere') })).rejects.toThrow(
      /nowhere: No such file/,
    );
  });

  it('cannot be written where there is no folder', async () => {
    const index = await openIndex(file);
    await expect(index.writeCodes(join(folder, 'no', 'folder'))).rejects.toThrow(/no\/folder: No such file/);
    index.close();
  });
});
