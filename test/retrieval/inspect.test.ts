import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NativeIndex } from '../../retrieval/index/open.ts';
import { openIndex } from '../../retrieval/index/open.ts';
import { inspectAnswer } from '../../retrieval/inspect.ts';
import { unitVectors, writeIndex } from '../native/random-index.ts';

const DIMENSION = 32;
const vectors = unitVectors(200, DIMENSION, 3);

let folder = '';
let index: NativeIndex;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'inspect-'));
  index = await openIndex(writeIndex(folder, 'IVF4,Flat', vectors, DIMENSION).file);
});
afterAll(() => {
  index.close();
  rmSync(folder, { recursive: true });
});

const rowOf = (row: number) => vectors.slice(row * DIMENSION, (row + 1) * DIMENSION);

it('counts chunks that say the same, planted here: the sample corpus has none', () => {
  const rows = Array.from({ length: 40 }, (_, row) => row);
  expect(inspectAnswer(index, rows, null).nearDuplicates).toBe(0);
  const twin = index.add(rowOf(7));
  const near = rowOf(9);
  near[0] = (near[0] ?? 0) + 0.05;
  const norm = Math.hypot(...near);
  const almost = index.add(near.map((x) => x / norm));
  const look = inspectAnswer(index, [...rows, twin, almost], null);
  expect(look.nearDuplicates).toBe(2);
  expect(look.duplicateShare).toBeCloseTo(2 / 42);
  // Three that are the same are three pairs, and two results too many.
  const again = index.add(rowOf(7));
  expect(inspectAnswer(index, [7, twin, again, 1], null)).toMatchObject({
    nearDuplicates: 3,
    duplicateShare: 0.5,
  });
});

it('[M6] tells lists, likeness of the first five, and the norm of what was encoded', () => {
  const same = Array.from({ length: 5 }, () => index.add(rowOf(3)));
  const look = inspectAnswer(index, [...same, 1, 2], Float32Array.from([3, 4]));
  expect(look.meanTop5Cosine).toBeCloseTo(1, 5);
  expect(look.encodedNorm).toBe(5);
  expect(look.listsHit).toBe(new Set(index.listsOf([...same, 1, 2])).size);
  expect(inspectAnswer(index, [1], null)).toEqual({
    nearDuplicates: 0,
    duplicateShare: 0,
    meanTop5Cosine: null,
    listsHit: 1,
    encodedNorm: null,
  });
});
