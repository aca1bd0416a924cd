/**
 * Mean over the first `count` token vectors of `tokens`, which holds `dim` floats a token: the rest is padding, which
 * the attention mask hides.
 */
export function maskedMean(tokens: Float32Array, count: number, dim: number): Float32Array<ArrayBuffer> {
  const mean = new Float32Array(dim);
  for (let i = 0; i < dim; i++) {
    let sum = 0;
    for (let token = 0; token < count; token++) sum += tokens[token * dim + i] ?? 0;
    mean[i] = sum / count;
  }
  return mean;
}

/** Divides by the L2 norm, in place. A zero vector stays zero: it has no direction, and the norm check names it. */
export function toUnitNorm(vector: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const norm = Math.hypot(...vector);
  if (norm > 0) for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] ?? 0) / norm;
  return vector;
}
