import { join } from 'node:path';
import faiss from 'faiss-node';

/** Deterministic unit vectors (mulberry32, Gaussian by the sum of uniforms), row after row. */
export function unitVectors(rows: number, dimension: number, seed: number): Float32Array<ArrayBuffer> {
  const random = mulberry32(seed);
  const vectors = new Float32Array(rows * dimension);
  for (let row = 0; row < rows; row++) {
    const vector = vectors.subarray(row * dimension, (row + 1) * dimension);
    for (let i = 0; i < dimension; i++) vector[i] = random() + random() + random() + random() - 2;
    const norm = Math.hypot(...vector);
    for (let i = 0; i < dimension; i++) vector[i] = (vector[i] ?? 0) / norm;
  }
  return vectors;
}

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Trains, fills and writes an index with faiss-node; returns it and its file. */
export function writeIndex(
  folder: string,
  factory: string,
  vectors: Float32Array,
  dimension: number,
  metric = faiss.MetricType.METRIC_INNER_PRODUCT,
): { index: faiss.Index; file: string } {
  const index = faiss.Index.fromFactory(dimension, factory, metric);
  const numbers = Array.from(vectors);
  index.train(numbers);
  index.add(numbers);
  const file = join(folder, `${factory.replaceAll(',', '-')}-${metric}.faiss`);
  index.write(file);
  return { index, file };
}
