import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openIndex } from '../retrieval/index/open.ts';
import { buildIndexes, listCount } from '../retrieval/index/build.ts';
import { formatNpy } from '../retrieval/release/npy.ts';

/** A folder with p_flat_ip.faiss, p_ivf.faiss and queries.npy, as every engine reads them. */
export interface DataSet {
  readonly name: string;
  readonly dir: string;
  readonly rows: number;
  readonly dimension: number;
  readonly queries: number;
}

const CLUSTERS = 500;
/** Noise per component against a unit centre: neighbours at cosines of about 0.8, as encoders give them. */
const NOISE = 0.7;

/** Synthetic unit vectors around 500 centres, and queries of the same kind. Built once for each size. */
export async function syntheticData(
  folder: string,
  rows: number,
  dimension: number,
  queries: number,
): Promise<DataSet> {
  const name = `synthetic ${rows.toLocaleString('en')} x ${dimension}`;
  const dir = join(folder, `synthetic-${rows}-${dimension}-${queries}`);
  const data = { name, dir, rows, dimension, queries };
  if (existsSync(dir)) return data;
  console.log(`building ${name} ...`);
  await mkdir(dirname(dir), { recursive: true });
  const aside = await mkdtemp(`${dir}.`);
  try {
    const random = gaussian(1);
    const centres = unitRows(CLUSTERS, dimension, () => random());
    const near = (count: number) =>
      unitRows(count, dimension, (row, i) => {
        return (centres[centreOf(row) * dimension + i] ?? 0) + (NOISE * random()) / Math.sqrt(dimension);
      });
    const vectors = near(rows);
    await buildIndexes(aside, { dimension, vectors, nlist: listCount(rows), nprobe: 8 });
    await writeFile(
      join(aside, 'queries.npy'),
      formatNpy({ shape: [queries, dimension], data: near(queries) }),
    );
    await rename(aside, dir);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  return data;
}

/** The centre that a row lies around, 0..499. */
export function centreOf(row: number): number {
  return (Math.imul(row, 2_654_435_761) >>> 0) % CLUSTERS;
}

/** The indexes of a release, and rows of its own as queries: real vectors of a real encoder. */
export async function releaseData(folder: string, release: string, queries: number): Promise<DataSet> {
  const index = await openIndex(join(release, 'p_flat_ip.faiss'));
  const { ntotal: rows, dimension } = index;
  const dir = join(folder, 'sample');
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  for (const file of ['p_flat_ip.faiss', 'p_ivf.faiss']) await copyFile(join(release, file), join(dir, file));
  const data = new Float32Array(queries * dimension);
  for (let i = 0; i < queries; i++) data.set(index.vectorsOf([(i * 7_919) % rows]), i * dimension);
  index.close();
  await writeFile(join(dir, 'queries.npy'), formatNpy({ shape: [queries, dimension], data }));
  return {
    name: `the sample corpus (${rows.toLocaleString('en')} x ${dimension})`,
    dir,
    rows,
    dimension,
    queries,
  };
}

function unitRows(rows: number, dimension: number, value: (row: number, i: number) => number) {
  const vectors = new Float32Array(rows * dimension);
  for (let row = 0; row < rows; row++) {
    const vector = vectors.subarray(row * dimension, (row + 1) * dimension);
    for (let i = 0; i < dimension; i++) vector[i] = value(row, i);
    const norm = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
    for (let i = 0; i < dimension; i++) vector[i] = (vector[i] ?? 0) / norm;
  }
  return vectors;
}

/** Box-Muller over a mulberry32, so that every machine gets the same vectors. */
function gaussian(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 1) / (2 ** 32 + 1);
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
