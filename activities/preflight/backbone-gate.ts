import { twoTowerGate } from '../../domain/preflight/encoder-family-gate.ts';
import { readManifest } from '../../retrieval/release/manifest.ts';
import { readReleaseMetrics } from '../evaluation/release-metrics.ts';
import type { PreflightCheck } from '../../domain/preflight/report.ts';

/**
 * One more row for a release whose manifest declares another family of models, by the evaluation it came with; none for
 * the family that the limits were set for.
 */
export async function backboneGate(dir: string): Promise<PreflightCheck[]> {
  const { backbone, predictors, reranker, evaluationArticles } = await readManifest(dir);
  if (backbone === undefined) return [];
  const { Contain_at_50: containAt50, queries } = await readReleaseMetrics(dir);
  const trained = new Set(
    [...Object.values(predictors), reranker].flatMap(({ trainingArticles }) => trainingArticles),
  );
  const trainedOn = evaluationArticles.filter((article) => trained.has(article));
  return [twoTowerGate({ backbone, containAt50, queries, trainedOn })];
}
