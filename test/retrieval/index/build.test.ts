import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { normalNoise, seededRandom } from '../../../retrieval/build/random.ts';
import { toUnitNorm } from '../../../retrieval/encoder/pooling.ts';
import { buildBalancedIvf, buildIndexes, listCount, refillIvf } from '../../../retrieval/index/build.ts';
import { openIndex } from '../../../retrieval/index/open.ts';

const DIMENSION = 16;
const NLIST = 8;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'index-build-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Rows around twelve centres of unlike weight, so that starts of k-means differ. */
function clustered(rows: number, seed: number): Float32Array<ArrayBuffer> {
  const random = seededRandom(seed);
  const centres = Array.from({ length: 12 }, () => normalNoise(DIMENSION, 1, random));
  const vectors = new Float32Array(rows * DIMENSION);
  for (let row = 0; row < rows; row++) {
    const centre = centres[Math.floor(12 * random() ** 2)];
    const noise = normalNoise(DIMENSION, 0.4, random);
    vectors.set(toUnitNorm(noise.map((value, i) => value + (centre?.[i] ?? 0))), row * DIMENSION);
  }
  return vectors;
}

async function imbalanceOf(file: string): Promise<number | null> {
  const index = await openIndex(file);
  try {
    return index.statistics().imbalance;
  } finally {
    index.close();
  }
}

const build = { dimension: DIMENSION, vectors: clustered(600, 1), nlist: NLIST, nprobe: 3 };

describe('an index of several starts', () => {
  it('[R4.1] is the most balanced of them, and the same whenever it is built', async () => {
    const [once, again] = [join(folder, 'once.faiss'), join(folder, 'again.faiss')];
    const { starts, imbalance } = await buildBalancedIvf(once, build, 4);
    expect(new Set(starts).size).toBeGreaterThan(1);
    expect(imbalance).toBe(Math.min(...starts));
    expect(await imbalanceOf(once)).toBe(imbalance);
    await buildBalancedIvf(again, build, 4);
    expect((await readFile(again)).equals(await readFile(once))).toBe(true);
    expect((await readdir(folder)).toSorted()).toEqual(['again.faiss', 'once.faiss']);
  }, 120_000);

  it('[R4.4] has the rows in their order: each is its own nearest', async () => {
    const file = join(folder, 'order.faiss');
    await buildBalancedIvf(file, build, 2);
    const index = await openIndex(file);
    try {
      for (const row of [0, 299, 599]) {
        const { ids } = await index.search(index.vectorsOf([row]), 1, NLIST);
        expect(Array.from(ids)).toEqual([BigInt(row)]);
        expect(index.vectorsOf([row])).toEqual(build.vectors.slice(row * DIMENSION, (row + 1) * DIMENSION));
      }
    } finally {
      index.close();
    }
  }, 120_000);
});

describe('rows in the lists of another index', () => {
  it('are those of the very index where nothing changed', async () => {
    await buildIndexes(folder, build);
    const [old, refilled] = [join(folder, 'p_ivf.faiss'), join(folder, 'refilled.faiss')];
    await refillIvf(refilled, old, build);
    expect((await readFile(refilled)).equals(await readFile(old))).toBe(true);
  }, 120_000);

  it('are found, and the old ones are not', async () => {
    await buildIndexes(folder, build);
    const file = join(folder, 'other.faiss');
    const vectors = clustered(700, 2);
    const balance = await refillIvf(file, join(folder, 'p_ivf.faiss'), { ...build, vectors });
    const index = await openIndex(file);
    try {
      expect([index.ntotal, index.nlist]).toEqual([700, NLIST]);
      const { ids } = await index.search(vectors.slice(650 * DIMENSION, 651 * DIMENSION), 1, NLIST);
      expect(Array.from(ids)).toEqual([650n]);
      expect(balance.imbalance).toBe(index.statistics().imbalance);
      expect(balance.longestTimesMean).toBeGreaterThan(1);
    } finally {
      index.close();
    }
  }, 120_000);
});

it('more rows than go in at once are all there, in their order', async () => {
  // Over one block of 2^24 numbers.
  const dimension = 1024;
  const rows = 16_900;
  const vectors = new Float32Array(rows * dimension);
  for (let row = 0; row < rows; row++) vectors[row * dimension + (row % dimension)] = 1 + row / rows;
  await buildIndexes(folder, { dimension, vectors, nlist: 1, nprobe: 1 });
  for (const name of ['p_flat_ip.faiss', 'p_ivf.faiss']) {
    const index = await openIndex(join(folder, name));
    try {
      expect(index.ntotal).toBe(rows);
      const at = [0, 16_383, 16_384, rows - 1];
      const expected = at.map((row) => Array.from(vectors.subarray(row * dimension, (row + 1) * dimension)));
      expect(at.map((row) => Array.from(index.vectorsOf([row])))).toEqual(expected);
    } finally {
      index.close();
    }
  }
}, 120_000);

it.each([
  [10_000, 100],
  [400, 10],
  [20, 1],
])('%i rows are clustered into %i lists', (rows, lists) => {
  expect(listCount(rows)).toBe(lists);
});
