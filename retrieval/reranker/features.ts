/** Scalars per candidate: cosine, margin, local context, diversity. None knows a chunk's place in its article. */
export const FEATURES = 4;

export interface Candidates {
  readonly dimension: number;
  /** Cosine of the query with each candidate, falling. */
  readonly cosines: Float32Array;
  /** n*dimension floats, the candidates' vectors in the same order. */
  readonly vectors: Float32Array;
  /** The vectors of the context, each of unit norm. */
  readonly context: readonly Float32Array[];
}

/**
 * n*4 floats, candidate after candidate:
 * cosine with the query; margin to the best candidate; local context, the mean cosine with the context's chunks;
 * diversity, one minus the cosine with the centre of all candidates.
 */
export function rerankFeatures({
  dimension,
  cosines,
  vectors,
  context,
}: Candidates): Float32Array<ArrayBuffer> {
  const n = cosines.length;
  const local = meanOf(context, dimension);
  const rows = Array.from({ length: n }, (_, i) => vectors.subarray(i * dimension, (i + 1) * dimension));
  const centre = meanOf(rows, dimension);
  const centreNorm = Math.sqrt(dot(centre, centre)) || 1;
  const features = new Float32Array(n * FEATURES);
  for (const [i, row] of rows.entries()) {
    const cosine = cosines[i] ?? 0;
    features.set(
      [cosine, (cosines[0] ?? 0) - cosine, dot(row, local), 1 - dot(row, centre) / centreNorm],
      i * FEATURES,
    );
  }
  return features;
}

function meanOf(rows: readonly Float32Array[], dimension: number): Float32Array {
  const mean = new Float32Array(dimension);
  for (const row of rows)
    for (let i = 0; i < dimension; i++) mean[i] = (mean[i] ?? 0) + (row[i] ?? 0) / rows.length;
  return mean;
}

/** Inner product; of unit vectors their cosine. */
export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
