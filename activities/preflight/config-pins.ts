import type { ReleaseManifest } from '../../retrieval/release/manifest.ts';
import type { PreflightCheck } from '../../domain/preflight/report.ts';

/** The runbook's conservative start. */
const PINNED_NPROBE = 8;

/**
 * The runbook's pins, read from both manifests: dimension, nprobe, flags whose models are there, and the encoder.
 * One row; green names the values, red names each that is wrong.
 */
export function configPins(candidate: ReleaseManifest, stable: ReleaseManifest): PreflightCheck[] {
  const { flags } = candidate;
  const problems = [
    candidate.dimension !== stable.dimension &&
      `dimension ${candidate.dimension}, but stable's ${stable.version} has ${stable.dimension}`,
    flags.nprobe !== PINNED_NPROBE && `nprobe ${flags.nprobe} instead of ${PINNED_NPROBE}`,
    !(flags.impl in candidate.predictors) &&
      `RETRIEVER_IMPL=${flags.impl}, but the release has no such predictor`,
    candidate.encoder.sha256 !== stable.encoder.sha256 &&
      `encoder ${candidate.encoder.name} is not ${stable.encoder.name}, which the gateway encodes with`,
  ].filter((problem) => problem !== false);
  if (problems.length > 0) return [{ name: 'config pins', verdict: 'red', reason: problems.join('; ') }];
  const pins = `${candidate.encoder.name} ${candidate.dimension}-D, nprobe ${flags.nprobe}, RETRIEVER_IMPL=${flags.impl}, RERANKER=${flags.reranker}`;
  return [{ name: 'config pins', verdict: 'green', reason: pins }];
}
