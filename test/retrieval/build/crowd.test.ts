import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildCrowdedIndexes } from '../../../retrieval/build/crowd.ts';
import { normalNoise, seededRandom } from '../../../retrieval/build/random.ts';
import { toUnitNorm } from '../../../retrieval/encoder/pooling.ts';
import { nextChunkQueries } from '../../../retrieval/evaluation/next-chunk.ts';
import type { NativeIndex } from '../../../retrieval/index/open.ts';
import { openIndex } from '../../../retrieval/index/open.ts';
import { checkIndexNorms } from '../../../retrieval/release/norms.ts';

const DIMENSION = 64;
const REAL = 800;
const ROWS = 5_000;

let folder: string;
let ivf: NativeIndex;
let flat: NativeIndex;
let crowded: Awaited<ReturnType<typeof buildCrowdedIndexes>>;
const random = seededRandom(3);
const vectors = new Float32Array(REAL * DIMENSION);
for (let row = 0; row < REAL; row++)
  vectors.set(toUnitNorm(normalNoise(DIMENSION, 1, random)), row * DIMENSION);
const chunks = Array.from({ length: REAL }, (_, seq) => ({
  article: 'real',
  seq,
  text: `chunk ${seq}`,
  id: `real#${seq}`,
}));
const vectorOf = (row: number) => vectors.subarray(row * DIMENSION, (row + 1) * DIMENSION);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crowd-'));
  const real = { dimension: DIMENSION, vectors, nlist: 28, nprobe: 8 };
  crowded = await buildCrowdedIndexes(folder, chunks, real, 1, ROWS);
  ivf = await openIndex(join(folder, 'p_ivf.faiss'));
  flat = await openIndex(join(folder, 'p_flat_ip.faiss'));
});
afterAll(async () => {
  ivf?.close();
  flat?.close();
  await rm(folder, { recursive: true });
});

describe('the index of bad-latency', () => {
  it('has sixteen lists, all rows, and unit norms', () => {
    expect([ivf.nlist, ivf.ntotal, flat.ntotal]).toEqual([16, ROWS, ROWS]);
    expect([checkIndexNorms(ivf).wrong, checkIndexNorms(flat).wrong]).toEqual([0, 0]);
    // No list is the whole: half of them is half of the work.
    expect(ivf.statistics().imbalance).toBeLessThan(1.5);
  });

  it('keeps the real rows where they were, and says of the others that they are synthetic', () => {
    expect(crowded.chunks.slice(0, REAL)).toEqual(chunks);
    expect(Array.from(flat.vectorsOf([REAL - 1]))).toEqual(Array.from(vectorOf(REAL - 1)));
    const added = crowded.chunks.slice(REAL);
    expect(added).toHaveLength(ROWS - REAL);
    expect(added.every(({ text }) => text.startsWith('synthetic neighbour of real#'))).toBe(true);
    expect(new Set(crowded.chunks.map(({ id }) => id)).size).toBe(ROWS);
  });

  it('makes no labelled query of a synthetic row', () => {
    const queries = nextChunkQueries(crowded.chunks, new Set(['real']));
    expect(queries.every(({ gold, context }) => [gold, ...context].every((row) => row < REAL))).toBe(true);
  });

  it('has every synthetic row at its distance from the real one', () => {
    for (const row of [REAL, 2_345, ROWS - 1]) {
      const vector = flat.vectorsOf([row]);
      const cosine = vector.reduce((sum, x, i) => sum + x * (vectorOf(row % REAL)[i] ?? 0), 0);
      // 0.3 and what noise of 64 dimensions adds.
      expect(Math.abs(cosine - 0.3)).toBeLessThan(0.45);
    }
  });
});
