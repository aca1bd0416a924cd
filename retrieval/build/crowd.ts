import { join } from 'node:path';
import type { CorpusChunk } from '../corpus/jsonl.ts';
import { toUnitNorm } from '../encoder/pooling.ts';
import type { IndexBuild } from '../index/build.ts';
import { buildIndexes, refillIvf } from '../index/build.ts';
import { writeFlatIndex } from '../index/flat-file.ts';
import { normalNoise, seededRandom } from './random.ts';

interface Crowded {
  readonly chunks: readonly CorpusChunk[];
  /** Row i is the vector of chunk i; the real ones come first, as they were. */
  readonly vectors: Float32Array<ArrayBuffer>;
}

/** Rows and lists of `bad-latency`: a quarter of all rows is read at nprobe 4, half of them at 8. */
const ROWS = 400_000;
const LISTS = 16;

/** Article of all synthetic chunks: no labelled query is made of it. */
export const SYNTHETIC = 'synthetic neighbours';
/**
 * Cosine of a synthetic vector with the real one that it was drawn around. It lies so far away that real chunks rank
 * before it, and near enough to be in the same list of the index, which is what it is there for.
 */
const NEARNESS = 0.3;

/**
 * Writes the indexes of `bad-latency` into `dir`: lists that were made when there was little in the index, and that far
 * more rows went into since. Returns the corpus as it is then.
 */
export async function buildCrowdedIndexes(
  dir: string,
  chunks: readonly CorpusChunk[],
  real: IndexBuild,
  seed: number,
  rows = ROWS,
): Promise<{ readonly chunks: readonly CorpusChunk[]; readonly indexes: IndexBuild }> {
  const { dimension, vectors, nprobe } = real;
  const crowded = crowd(chunks, vectors, { rows, dimension, seed });
  const ivf = join(dir, 'p_ivf.faiss');
  await buildIndexes(dir, { ...real, nlist: LISTS });
  await refillIvf(ivf, ivf, { dimension, nprobe, vectors: crowded.vectors });
  await writeFlatIndex(join(dir, 'p_flat_ip.faiss'), crowded.vectors, dimension);
  return { chunks: crowded.chunks, indexes: { ...real, nlist: LISTS, vectors: crowded.vectors } };
}

/**
 * A corpus with so many rows that a search takes time, where the real one has not: each real chunk gets neighbours of
 * noise around it, evenly many. They stand for no text, and say so.
 */
function crowd(
  chunks: readonly CorpusChunk[],
  vectors: Float32Array<ArrayBuffer>,
  { rows, dimension, seed }: { readonly rows: number; readonly dimension: number; readonly seed: number },
): Crowded {
  const random = seededRandom(seed);
  const all = new Float32Array(rows * dimension);
  all.set(vectors);
  const crowded = [...chunks];
  const away = Math.sqrt(1 - NEARNESS ** 2);
  for (let row = chunks.length; row < rows; row++) {
    const near = row % chunks.length;
    const noise = toUnitNorm(normalNoise(dimension, 1, random));
    const vector = noise.map((x, i) => NEARNESS * (vectors[near * dimension + i] ?? 0) + away * x);
    all.set(toUnitNorm(vector), row * dimension);
    const seq = row - chunks.length;
    const text = `synthetic neighbour of ${chunks[near]?.id ?? ''}`;
    crowded.push({ article: SYNTHETIC, seq, text, id: `synthetic#${seq}` });
  }
  return { chunks: crowded, vectors: all };
}
