import { join } from 'node:path';
import { writeJson } from '../../platform/json-file.ts';
import type { BaselineInput, RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import { quantileMs } from '../../domain/metrics/histogram.ts';
import { windowBetween } from '../../domain/metrics/window.ts';

/** Writes stable's window to `<artifactsDir>/eval/baseline_metrics.json`; the whole file or nothing. */
export function createBaseline(artifactsDir: string): Pick<RolloutActivities, 'recordBaseline'> {
  return {
    async recordBaseline(input) {
      await writeJson(join(artifactsDir, 'eval/baseline_metrics.json'), baselineOf(input));
    },
  };
}

/** Stable's numbers (latencies in ms, shares 0..1), or `missing` with the reason; for a comparison after a rollback. */
function baselineOf({ release, opening, closing }: BaselineInput): Record<string, unknown> {
  const missing = (reason: string) => ({ kind: 'missing', release, reason });
  const result = windowBetween(opening, closing);
  if (result.kind !== 'window') return missing(result.reason);
  const { stable, fromMs, toMs } = result.window;
  if (stable === null || stable.release !== release) return missing(`stable did not serve ${release}`);
  if (stable.errors.n === 0) return missing('no requests in the window');
  return {
    kind: 'window',
    release,
    fromMs,
    toMs,
    requests: stable.errors.n,
    errorRate: stable.errors.hits / stable.errors.n,
    retrievalP95Ms: quantileMs(stable.retrieval, 0.95),
    endToEndP95Ms: quantileMs(stable.endToEnd, 0.95),
    rerankP95Ms: quantileMs(stable.rerank, 0.95),
    qualityShare: stable.quality.n === 0 ? null : stable.quality.hits / stable.quality.n,
  };
}
