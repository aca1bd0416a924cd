import type { NativeIndex } from '../index/open.ts';

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

/** Rows that are read at once. */
const BLOCK = 1_024;

/** L2 norms of the rows of an index; every `stride`-th row. */
export function checkIndexNorms(index: NativeIndex, stride = 1): NormCheck {
  const ids = Array.from({ length: Math.ceil(index.ntotal / stride) }, (_, i) => i * stride);
  const checks: NormCheck[] = [];
  for (let from = 0; from < ids.length; from += BLOCK)
    checks.push(checkRowNorms(index.vectorsOf(ids.slice(from, from + BLOCK)), index.dimension));
  return sumOfChecks(checks);
}

/** Several checks as one. */
export function sumOfChecks(checks: readonly NormCheck[]): NormCheck {
  return {
    rows: checks.reduce((sum, { rows }) => sum + rows, 0),
    wrong: checks.reduce((sum, { wrong }) => sum + wrong, 0),
    worst: Math.max(0, ...checks.map(({ worst }) => worst)),
  };
}

/** L2 norms of n*dimension floats, each summed in double precision. */
export function checkRowNorms(vectors: Float32Array, dimension: number): NormCheck {
  let rows = 0;
  let wrong = 0;
  let worst = 0;
  for (let begin = 0; begin < vectors.length; begin += dimension) {
    let sum = 0;
    for (let i = begin; i < begin + dimension; i++) sum += (vectors[i] ?? 0) ** 2;
    const distance = Number.isFinite(sum) ? Math.abs(Math.sqrt(sum) - 1) : Infinity;
    rows++;
    if (distance > NORM_TOLERANCE) wrong++;
    worst = Math.max(worst, distance);
  }
  return { rows, wrong, worst };
}
