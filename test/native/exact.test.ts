import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import faiss from 'faiss-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Kernels, NativeIndex } from '../../native/index.ts';
import { openIndex } from '../../native/index.ts';
import { unitVectors } from './random-index.ts';

/** The scan against FAISS itself, at the same nprobe: the same ids, but where scores differ by less than this. */
const TIE = 1e-6;
const KERNELS: readonly Kernels[] = ['avx512-vnni', 'avx2', 'portable'];
/** Where an IVF-Flat file keeps nprobe; faiss-node has no setter. */
const NPROBE_OFFSET = 45;

/** What the kernel lists of this processor's features in /proc/cpuinfo has to hold for each; the addon asks the processor itself. */
const NEEDS: Record<Kernels, readonly string[]> = {
  'avx512-vnni': ['avx512f', 'avx512bw', 'avx512vl', 'avx512_vnni'],
  avx2: ['avx2', 'fma'],
  portable: [],
};

let folder: string;
/** An index of ten rows. */
let smallest: string;
let here: Kernels[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'exact-'));
  const { file } = fill('Flat', 8, unitVectors(10, 8, 1));
  here = KERNELS.filter((kernels) => NEEDS[kernels].every((flag) => processorFlags().has(flag)));
  for (const kernels of KERNELS)
    if (!here.includes(kernels)) console.log(`this processor has no ${kernels}: not tested here`);
  smallest = file;
});
afterAll(() => rmSync(folder, { recursive: true }));

function processorFlags(): ReadonlySet<string> {
  const line = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
  return new Set(line?.[1]?.trim().split(' '));
}

describe('the kernels', () => {
  it.each(KERNELS)('%s open on exactly those processors that have their instructions', async (kernels) => {
    const opened = await openIndex(smallest, { kernels }).then(
      (index) => {
        index.close();
        return index.kernels;
      },
      () => null,
    );
    expect(opened).toBe(here.includes(kernels) ? kernels : null);
  });

  it('are the best of this processor where none is named', async () => {
    const index = await openIndex(smallest);
    expect(index.kernels).toBe(here[0]);
    index.close();
  });
});

/** An index that was trained on all rows, and holds the first `count` of them. */
function fill(factory: string, dimension: number, rows: Float32Array, count = rows.length / dimension) {
  const index = faiss.Index.fromFactory(dimension, factory, faiss.MetricType.METRIC_INNER_PRODUCT);
  index.train(Array.from(rows));
  index.add(Array.from(rows.subarray(0, count * dimension)));
  const file = join(folder, `${factory.replaceAll(',', '-')}-${dimension}.faiss`);
  index.write(file);
  return { index, file };
}

/** What FAISS finds in that file with that nprobe. */
function byFaiss(file: string, queries: Float32Array, k: number, nprobe: number) {
  const bytes = readFileSync(file);
  if (bytes.toString('latin1', 0, 4) === 'IwFl') bytes.writeBigUInt64LE(BigInt(nprobe), NPROBE_OFFSET);
  const patched = join(folder, 'patched.faiss');
  writeFileSync(patched, bytes);
  return faiss.Index.read(patched).search(Array.from(queries), k);
}

/** Positions where the ids differ though the scores do not say that it is a tie; a sentence each. */
async function differences(
  index: NativeIndex,
  file: string,
  queries: Float32Array,
  k: number,
  nprobe: number,
) {
  const ours = await index.search(queries, k, nprobe);
  const theirs = byFaiss(file, queries, Math.min(k, index.ntotal), nprobe);
  const width = theirs.labels.length / (queries.length / index.dimension);
  return theirs.labels.flatMap((label, at) => {
    const i = Math.floor(at / width) * k + (at % width);
    if (Number(ours.ids[i]) === label) return [];
    const apart = Math.abs((ours.scores[i] ?? NaN) - (theirs.distances[at] ?? NaN));
    return label !== -1 && apart < TIE ? [] : [`${i}: ${ours.ids[i]} and not ${label}, ${apart} apart`];
  });
}

/** Vectors around a few centres, the first of which has most of them; the second half of them twice. */
function clustered(rows: number, dimension: number): Float32Array<ArrayBuffer> {
  const noise = unitVectors(rows, dimension, 11);
  const centres = unitVectors(4, dimension, 12);
  const vectors = new Float32Array(rows * dimension);
  for (let row = 0; row < rows; row++) {
    const centre = row % 10 < 7 ? 0 : (row % 10) - 6;
    const from = row >= rows / 2 && row % 3 === 0 ? row - Math.floor(rows / 2) : row;
    const vector = vectors.subarray(row * dimension, (row + 1) * dimension);
    for (let i = 0; i < dimension; i++)
      vector[i] = (centres[centre * dimension + i] ?? 0) + 0.3 * (noise[from * dimension + i] ?? 0);
    const norm = Math.hypot(...vector);
    for (let i = 0; i < dimension; i++) vector[i] = (vector[i] ?? 0) / norm;
  }
  return vectors;
}

const CASES: readonly (readonly [
  string,
  () => { file: string; dimension: number; queries: Float32Array },
])[] = [
  ['100 dimensions', () => made(100, unitVectors(3_000, 100, 1), 'IVF16,Flat')],
  ['64 dimensions', () => made(64, unitVectors(3_000, 64, 2), 'IVF16,Flat')],
  ['3 dimensions', () => made(3, unitVectors(2_000, 3, 3), 'IVF16,Flat')],
  ['768 dimensions', () => made(768, unitVectors(1_500, 768, 4), 'IVF16,Flat')],
  ['a flat index', () => made(100, unitVectors(3_000, 100, 5), 'Flat')],
  ['lists of very different length, and equal rows', () => made(48, clustered(4_000, 48), 'IVF32,Flat')],
  ['mostly empty lists', () => made(100, unitVectors(2_000, 100, 6), 'IVF32,Flat', 20)],
  [
    'vectors of other norms than 1',
    () =>
      made(
        100,
        unitVectors(2_000, 100, 7).map((x, i) => x * (1 + (i % 7))),
        'IVF16,Flat',
      ),
  ],
];

function made(dimension: number, rows: Float32Array, factory: string, count?: number) {
  const { file } = fill(factory, dimension, rows, count);
  return { file, dimension, queries: unitVectors(40, dimension, 99) };
}

describe('the scan finds what FAISS finds', () => {
  it.each(CASES)('with %s', async (_name, make) => {
    const { file, queries } = make();
    for (const kernels of here) {
      const index = await openIndex(file, { kernels });
      expect(index.kernels).toBe(kernels);
      for (const nprobe of [1, 4, 16, 32])
        for (const k of [1, 10, 50])
          expect(await differences(index, file, queries, k, nprobe), `${kernels} ${nprobe} ${k}`).toEqual([]);
      index.close();
    }
  });

  it('on real vectors, at the size of their release', async () => {
    const dir = 'artifacts/releases/v-1';
    // Set-up built it; without it this test would prove nothing.
    expect(existsSync(dir)).toBe(true);
    const truth = await openIndex(join(dir, 'p_flat_ip.faiss'));
    const step = Math.floor(truth.ntotal / 200);
    const queries = Float32Array.from(
      Array.from({ length: 200 }, (_, i) => Array.from(truth.vectorsOf([i * step]))).flat(),
    );
    truth.close();
    for (const name of ['p_flat_ip.faiss', 'p_ivf.faiss'])
      for (const kernels of here) {
        const index = await openIndex(join(dir, name), { kernels });
        for (const nprobe of [4, 8, 16])
          expect(
            await differences(index, join(dir, name), queries, 50, nprobe),
            `${name} ${kernels}`,
          ).toEqual([]);
        index.close();
      }
  });
});

describe('a search', () => {
  it('gives one query alone what it gives it among others', async () => {
    const rows = unitVectors(3_000, 100, 8);
    const { file } = fill('IVF16,Flat', 100, rows);
    for (const kernels of here) {
      const index = await openIndex(file, { kernels });
      const together = await index.search(rows.subarray(0, 23 * 100), 10, 4);
      for (let i = 0; i < 23; i++) {
        const alone = await index.search(rows.subarray(i * 100, (i + 1) * 100), 10, 4);
        expect(alone.ids).toEqual(together.ids.slice(i * 10, (i + 1) * 10));
      }
      index.close();
    }
  });

  it('leaves out what is excluded, and finds the next ones instead', async () => {
    const rows = unitVectors(3_000, 100, 9);
    const { file } = fill('IVF16,Flat', 100, rows);
    const index = await openIndex(file);
    const query = rows.subarray(0, 100);
    const all = Array.from((await index.search(query, 20, 8)).ids, Number);
    const out = [all[0] ?? 0, all[3] ?? 0, all[7] ?? 0, 123_456_789];
    const rest = Array.from((await index.search(query, 17, 8, out)).ids, Number);
    expect(rest).toEqual(all.filter((id) => !out.includes(id)));
    await expect(index.search(query, 5, 8, [1.5])).rejects.toThrow('exclude must hold whole numbers');
    index.close();
  });

  it('puts equal scores in the order of their ids', async () => {
    const one = unitVectors(1, 100, 10);
    const rows = Float32Array.from(Array.from({ length: 60 }, () => Array.from(one)).flat());
    const { file } = fill('Flat', 100, rows);
    const index = await openIndex(file);
    const { ids } = await index.search(one, 10, 1);
    expect(Array.from(ids, Number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    index.close();
  });
});

describe('what cannot be', () => {
  it('an index with a vector that is not finite is refused by name', async () => {
    const rows = unitVectors(50, 100, 13);
    rows[123] = Infinity;
    const { file } = fill('Flat', 100, rows);
    await expect(openIndex(file)).rejects.toThrow(/Flat-100\.faiss: .*not finite/);
  });

  it('kernels that the processor does not have are refused by name', async () => {
    const { file } = fill('Flat', 100, unitVectors(50, 100, 14));
    await expect(openIndex(file, { kernels: 'avx9' as Kernels })).rejects.toThrow('no kernels named avx9');
  });
});
