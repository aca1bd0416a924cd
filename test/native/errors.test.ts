import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import faiss from 'faiss-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NativeIndex } from '../../native/index.ts';
import { openIndex } from '../../native/index.ts';
import { unitVectors, writeIndex } from './random-index.ts';

const DIMENSION = 8;
const ROWS = 400;
const vectors = unitVectors(ROWS, DIMENSION, 1);

let folder: string;
let ivfFile: string;
let index: NativeIndex;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'native-errors-'));
  ivfFile = writeIndex(folder, 'IVF4,Flat', vectors, DIMENSION).file;
  index = await openIndex(ivfFile);
});

afterAll(() => {
  index.close();
  rmSync(folder, { recursive: true });
});

function written(content: Uint8Array | string): string {
  const file = join(folder, 'broken.faiss');
  writeFileSync(file, content);
  return file;
}

/** The IVF file with its little-endian u64 at `offset` replaced. */
function patched(offset: number, value: bigint): string {
  const bytes = readFileSync(ivfFile);
  bytes.writeBigUInt64LE(value, offset);
  return written(bytes);
}

describe('a file that is no index', () => {
  it.each([
    ['missing', () => join(folder, 'nowhere.faiss'), /No such file/],
    ['a folder', () => folder, /cannot open/],
    ['empty', () => written(''), /cannot open/],
    ['text', () => written('not an index at all, but long enough to hold a header'), /not recognized/],
    [
      'of another metric',
      () => writeIndex(folder, 'Flat', vectors, DIMENSION, faiss.MetricType.METRIC_L2).file,
      /metric/,
    ],
    ['of another kind', () => writeIndex(folder, 'HNSW8', vectors, DIMENSION).file, /neither/],
    [
      '[R4.4] of other encodings of its rows',
      () => writeIndex(folder, 'IVF4,PQ2x4', vectors, DIMENSION).file,
      /neither/,
    ],
    // Offsets of the file format: as FAISS's index_write.cpp writes them; ntotal at 8, nlist at 37.
    ['wrong about its rows', () => patched(8, BigInt(ROWS - 1)), /rows/],
    ['wrong about its lists', () => patched(37, 3n), /nlist/],
  ])('is refused by name when it is %s', async (_name, makeFile, reason) => {
    const file = makeFile();
    await expect(openIndex(file)).rejects.toThrow(file);
    await expect(openIndex(file)).rejects.toThrow(reason);
  });

  it('is refused wherever it was cut off', async () => {
    const bytes = readFileSync(ivfFile);
    for (let length = 0; length < bytes.length; length += 97) {
      await expect(openIndex(written(bytes.subarray(0, length))), `${length} bytes`).rejects.toThrow(
        'broken.faiss',
      );
    }
  });
});

describe('a wrong argument', () => {
  const query = vectors.slice(0, DIMENSION);
  it.each([
    ['too few floats', query.slice(1), 5, 1, RangeError, /multiple of 8 floats, not 7/],
    ['no floats', new Float32Array(), 5, 1, RangeError, /not 0/],
    ['no typed array', JSON.parse('[1, 2, 3]'), 5, 1, TypeError, /Float32Array/],
    ['k = 0', query, 0, 1, RangeError, /k must/],
    ['k = -1', query, -1, 1, RangeError, /k must/],
    ['k = 1.5', query, 1.5, 1, RangeError, /k must/],
    ['k beyond memory', query, 1e12, 1, RangeError, /too many results/],
    ['nprobe = 0', query, 5, 0, RangeError, /nprobe must/],
    ['nprobe = NaN', query, 5, Number.NaN, RangeError, /nprobe must/],
  ])('is refused: %s', async (_name, queries, k, nprobe, kind, message) => {
    const search = index.search(queries, k, nprobe);
    await expect(search).rejects.toBeInstanceOf(kind);
    await expect(search).rejects.toThrow(message);
  });

  it.each([
    ['before the first', -1],
    ['beyond the last', ROWS],
    ['half of one', 0.5],
    ['far beyond', 2 ** 32],
  ])('is refused: a row %s', (_name, id) => {
    expect(() => index.vectorsOf([0, id])).toThrow(RangeError);
  });

  it.each([
    ['too short', query.slice(1), RangeError, /8 floats, not 7/],
    ['not finite', query.slice().fill(Number.NaN, 2, 3), RangeError, /not finite/],
    ['no typed array', JSON.parse('[1]'), TypeError, /Float32Array/],
  ])('is refused: a new row that is %s', async (_name, vector, kind, message) => {
    expect(() => index.add(vector)).toThrow(kind);
    expect(() => index.add(vector)).toThrow(message);
    expect(index.statistics()).toMatchObject({ rows: ROWS, added: 0 });
  });

  it.each([Number.NaN, Infinity])('is refused: a query with %s', async (value) => {
    const search = index.search(query.slice().fill(value, 3, 4), 3, 4);
    await expect(search).rejects.toThrow('a query holds a number that is not finite');
  });
});

describe('a closed index', () => {
  it('ends the searches under way and refuses new ones', async () => {
    const closing = await openIndex(ivfFile);
    const underWay = Array.from({ length: 20 }, () => closing.search(vectors, 5, 4));
    closing.close();
    closing.close();
    for (const { ids } of await Promise.all(underWay)) expect(ids[0]).toBe(0n);
    await expect(closing.search(vectors, 5, 4)).rejects.toThrow('closed');
    expect(() => closing.statistics()).toThrow('closed');
    expect(() => closing.vectorsOf([0])).toThrow('closed');
    expect(() => closing.add(vectors.slice(0, DIMENSION))).toThrow('closed');
    expect(() => closing.remove(0)).toThrow('closed');
    await expect(closing.writeCodes(join(folder, 'closed.codes'))).rejects.toThrow('closed');
  });
});
