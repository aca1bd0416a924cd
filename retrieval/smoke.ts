import { metricsOfHits } from './evaluation/evaluate.ts';
import { loadEvaluationSet, loadHits } from './evaluation/set.ts';
import type { NativeIndex } from './index/open.ts';
import { readManifest } from './release/manifest.ts';
import type { NormCheck } from './release/norms.ts';
import { checkIndexNorms, checkRowNorms, NORM_TOLERANCE, sumOfChecks } from './release/norms.ts';
import { openReleaseIndex } from './release/parts.ts';

/** One of the runbook's smoke tests. */
export interface SmokeResult {
  readonly name: string;
  readonly ok: boolean;
  /** A sentence with the numbers. */
  readonly reason: string;
  readonly numbers: Readonly<Record<string, number>>;
}

/** Least share of FLAT's ids that IVF must return. */
const LEAST_OVERLAP = 0.95;
/** Least rise of R@5 by reranking, as a share. */
const LEAST_LIFT = 0.03;

/**
 * Overlap at k of the serving index (at the release's nprobe) with the truth index, over n labelled queries. Asked
 * with the last chunk of each context, so that it judges the indexes whatever the predictors are worth.
 */
export async function ivfFlatOverlap(dir: string, { n = 100, k = 10 } = {}): Promise<SmokeResult> {
  const manifest = await readManifest(dir);
  const queries = spread((await loadEvaluationSet(dir)).queries, n);
  const asked = queries.flatMap(({ context }) => context.slice(-1)).map((vector) => ({ vector }));
  const { nprobe } = manifest.flags;
  return withBothIndexes(dir, (ivf, flat) => indexOverlap(ivf, flat, asked, { k, nprobe }));
}

/**
 * The same for two indexes that are no release: asked with n of FLAT's own rows, evenly chosen, each without itself.
 * @throws RangeError if the indexes are not of the same rows
 */
export async function ivfFlatOverlapOf(
  ivf: NativeIndex,
  flat: NativeIndex,
  { n = 100, k = 10, nprobe }: { n?: number; k?: number; nprobe: number },
): Promise<SmokeResult> {
  if (ivf.dimension !== flat.dimension || ivf.ntotal !== flat.ntotal)
    throw new RangeError(
      `IVF has ${ivf.ntotal} rows of ${ivf.dimension} dimensions, FLAT has ${flat.ntotal} of ${flat.dimension}`,
    );
  const rows = spread([...Array(flat.ntotal).keys()], n);
  const asked = rows.map((row) => ({ vector: flat.vectorsOf([row]), exclude: row }));
  return indexOverlap(ivf, flat, asked, { k, nprobe });
}

async function indexOverlap(
  ivf: NativeIndex,
  flat: NativeIndex,
  asked: readonly { readonly vector: Float32Array; readonly exclude?: number }[],
  { k, nprobe }: { readonly k: number; readonly nprobe: number },
): Promise<SmokeResult> {
  let same = 0;
  let possible = 0;
  for (const { vector, exclude } of asked) {
    const left = exclude === undefined ? [] : [exclude];
    const truth = new Set((await flat.search(vector, k, nprobe, left)).ids);
    const { ids } = await ivf.search(vector, k, nprobe, left);
    same += ids.reduce((count, id) => count + Number(id >= 0n && truth.has(id)), 0);
    possible += Math.min(k, flat.ntotal - left.length);
  }
  const overlap = possible === 0 ? 0 : same / possible;
  return {
    name: 'IVF agrees with FLAT',
    ok: possible > 0 && overlap >= LEAST_OVERLAP,
    reason: `overlap@${k} is ${overlap.toFixed(4)} over ${asked.length} queries at nprobe ${nprobe}, at least ${LEAST_OVERLAP} is needed`,
    numbers: { overlap, queries: asked.length, k, nprobe },
  };
}

/** Whether all rows of both indexes, and the encoded context of so many queries, are of unit norm. */
export async function checkNorms(dir: string, { queries: n = 100 } = {}): Promise<SmokeResult> {
  const { queries, dimension } = await loadEvaluationSet(dir);
  const encoded = spread(queries, n).flatMap(({ context }) => context);
  return withBothIndexes(dir, async (ivf, flat) => {
    const parts: [string, NormCheck][] = [
      ['p_ivf.faiss', checkIndexNorms(ivf)],
      ['p_flat_ip.faiss', checkIndexNorms(flat)],
      ['eval_queries.npy', sumOfChecks(encoded.map((vector) => checkRowNorms(vector, dimension)))],
    ];
    const all = sumOfChecks(parts.map(([, check]) => check));
    const where = parts.flatMap(([file, { wrong, rows }]) =>
      wrong > 0 ? [`${file}: ${wrong} of ${rows}`] : [],
    );
    const limit = `from 1, ${NORM_TOLERANCE} is allowed`;
    return {
      name: 'vectors are of unit norm',
      ok: all.rows > 0 && all.wrong === 0,
      reason:
        all.wrong === 0
          ? `${all.rows} vectors, the worst norm is ${all.worst.toExponential(1)} ${limit}`
          : `not normalised: ${where.join(', ')}; the worst norm is ${all.worst.toPrecision(3)} ${limit}`,
      numbers: { rows: all.rows, wrong: all.wrong, worst: all.worst },
    };
  });
}

/** Rise of R@5 by reranking, from the release's recorded hits. Nothing to show where the reranker is off. */
export async function rerankLift(dir: string): Promise<SmokeResult> {
  const { flags } = await readManifest(dir);
  const before = metricsOfHits(await loadHits(dir, 'hits_plain.jsonl'));
  const after = metricsOfHits(await loadHits(dir, 'hits_reranked.jsonl'));
  const lift = after.R_at_5 - before.R_at_5;
  const points = `R@5 ${before.R_at_5.toFixed(3)} -> ${after.R_at_5.toFixed(3)}, ${(100 * lift).toFixed(1)} points over ${after.queries} queries`;
  const off = flags.reranker === 'off';
  return {
    name: 'reranking lifts R@5',
    // A hair below the limit in binary is still three points.
    ok: off || (after.queries > 0 && lift >= LEAST_LIFT - 1e-9),
    reason: off
      ? `not asked: this release is served with the reranker off (${points})`
      : `${points}, at least ${100 * LEAST_LIFT} are needed`,
    numbers: { before: before.R_at_5, after: after.R_at_5, lift, queries: after.queries },
  };
}

/** Those that a release has to pass before it is shipped. */
export const SMOKE_TESTS = [ivfFlatOverlap, checkNorms, rerankLift] as const;

async function withBothIndexes<T>(
  dir: string,
  use: (ivf: NativeIndex, flat: NativeIndex) => Promise<T>,
): Promise<T> {
  const manifest = await readManifest(dir);
  const ivf = await openReleaseIndex(dir, 'p_ivf.faiss', manifest);
  try {
    const flat = await openReleaseIndex(dir, 'p_flat_ip.faiss', manifest);
    try {
      return await use(ivf, flat);
    } finally {
      flat.close();
    }
  } finally {
    ivf.close();
  }
}

/** At most n elements, evenly over the list. */
function spread<T>(list: readonly T[], n: number): T[] {
  const count = Math.min(n, list.length);
  return Array.from({ length: count }, (_, i) => Math.floor((i * list.length) / count)).flatMap(
    (at) => list[at] ?? [],
  );
}
