import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import type { BaselineInput, RolloutActivities } from '../domain/contract.ts';
import type { LaneCounters, SnapshotResult } from '../domain/telemetry.ts';

/** Writes stable's window to `<artifactsDir>/eval/baseline_metrics.json`; the whole file or nothing. */
export function createBaseline(artifactsDir: string): Pick<RolloutActivities, 'recordBaseline'> {
  return {
    async recordBaseline(input) {
      const folder = join(artifactsDir, 'eval');
      await mkdir(folder, { recursive: true });
      await writeFileAtomic(
        join(folder, 'baseline_metrics.json'),
        `${JSON.stringify(baseline(input), null, 2)}\n`,
      );
    },
  };
}
