/**
 * How far an L2 norm may be from 1: the runbook's 1e-5. A vector divided by its norm and rounded to float32 is off by
 * 1e-8 or so (the sample's worst row by 8e-9), so nothing that was normalised comes near the limit.
 */
export const NORM_TOLERANCE = 1e-5;

export interface NormCheck {
  readonly rows: number;
  /** Rows whose norm is further from 1 than the tolerance, or no number. */
  readonly wrong: number;
  /** The worst row's distance from 1; Infinity for a norm that is no number. */
  readonly worst: number;
}

/** L2 norms of n*dimension floats, each summed in double precision; every `stride`-th row. */
export function checkRowNorms(vectors: Float32Array, dimension: number, stride = 1): NormCheck {
  let rows = 0;
  let wrong = 0;
  let worst = 0;
  for (let begin = 0; begin < vectors.length; begin += dimension * stride) {
    let sum = 0;
    for (let i = begin; i < begin + dimension; i++) sum += (vectors[i] ?? 0) ** 2;
    const distance = Number.isFinite(sum) ? Math.abs(Math.sqrt(sum) - 1) : Infinity;
    rows++;
    if (distance > NORM_TOLERANCE) wrong++;
    worst = Math.max(worst, distance);
  }
  return { rows, wrong, worst };
}
