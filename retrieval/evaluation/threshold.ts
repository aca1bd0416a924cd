import type { Interval } from '../../domain/statistics/proportion.ts';
import { wilson, zFor } from '../../domain/statistics/proportion.ts';
import { calibrateTau, topCosines } from '../build/measure.ts';
import { readManifest, ReleaseError } from '../release/manifest.ts';
import { openServingParts } from '../release/parts.ts';
import { loadEvaluationSet } from './set.ts';

export interface Threshold {
  readonly queries: number;
  /** The cosine that the wanted share of the labelled queries reaches now. */
  readonly tau: number;
  /** The release's own limit, and the share that it promises and that really reaches it, with its 95 % interval. */
  readonly current: {
    readonly tau: number;
    readonly expectedShare: number;
    readonly share: number;
    readonly interval: Interval;
  };
}

/**
 * Calibrates τ of the quality proxy on a release's labelled queries, at the flags that it is served under.
 * @param share of queries that are to have a result at or above τ, 0..1
 * @throws ReleaseError naming a file that is wrong, or without queries
 */
export async function calibrateThreshold(dir: string, share: number): Promise<Threshold> {
  const manifest = await readManifest(dir);
  const { queries } = await loadEvaluationSet(dir);
  if (queries.length === 0) throw new ReleaseError('eval_queries.jsonl', 'holds no query');
  const { index, chunks, predictors, close } = await openServingParts(dir, manifest);
  try {
    const { dimension, flags, tau, expectedShare } = manifest;
    const corpus = { dimension, index, chunks };
    const cosines = await topCosines(corpus, queries, predictors[flags.impl], flags.nprobe);
    const hits = cosines.filter((cosine) => cosine >= tau).length;
    const n = cosines.length;
    const interval = wilson(hits, n, zFor(0.95, 1));
    return {
      queries: n,
      tau: calibrateTau(cosines, share),
      current: { tau, expectedShare, share: hits / n, interval },
    };
  } finally {
    await close();
  }
}
