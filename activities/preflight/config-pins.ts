import type { ReleaseManifest } from '../../retrieval/release/manifest.ts';
import type { PreflightCheck } from '../../domain/preflight/report.ts';

/** The runbook's conservative start. */
const PINNED_NPROBE = 8;

/** What the runbook pins before a rollout. */
type Pin = 'dimension' | 'nprobe' | 'predictor' | 'encoder';

/** The pins that a candidate breaks, by both manifests. */
export function brokenPins(candidate: ReleaseManifest, stable: ReleaseManifest): Pin[] {
  const { flags } = candidate;
  const broken: Readonly<Record<Pin, boolean>> = {
    dimension: candidate.dimension !== stable.dimension,
    nprobe: flags.nprobe !== PINNED_NPROBE,
    predictor: !(flags.impl in candidate.predictors),
    encoder: candidate.encoder.sha256 !== stable.encoder.sha256,
  };
  return (Object.keys(broken) as Pin[]).filter((pin) => broken[pin]);
}

/** The check of the pins, in one row: a pass names the values, a fail each that is wrong. */
export function configPins(candidate: ReleaseManifest, stable: ReleaseManifest): PreflightCheck[] {
  const { flags } = candidate;
  const words: Readonly<Record<Pin, string>> = {
    dimension: `dimension ${candidate.dimension}, but stable's ${stable.version} has ${stable.dimension}`,
    nprobe: `nprobe ${flags.nprobe} instead of ${PINNED_NPROBE}`,
    predictor: `RETRIEVER_IMPL=${flags.impl}, but the release has no such predictor`,
    encoder: `encoder ${candidate.encoder.name} is not stable's ${stable.encoder.name}`,
  };
  const problems = brokenPins(candidate, stable).map((pin) => words[pin]);
  if (problems.length > 0) return [{ name: 'config pins', verdict: 'fail', reason: problems.join('; ') }];
  const pins = `${candidate.encoder.name} ${candidate.dimension}-D, nprobe ${flags.nprobe}, RETRIEVER_IMPL=${flags.impl}, RERANKER=${flags.reranker}`;
  return [{ name: 'config pins', verdict: 'pass', reason: pins }];
}
