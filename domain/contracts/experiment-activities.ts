import type { ExperimentReport } from '../experiment/report.ts';
import type { ArmsReading } from '../experiment/arm-totals.ts';

/** What `rerankerExperiment` asks of the world, beside what it shares with a rollout; see contract.ts for the rules. */
export interface ExperimentActivities {
  /** The gateway's counters by arm, and of all its traffic. */
  readArms(): Promise<ArmsReading>;
  /** Writes artifacts/experiments/<name>.json and .md, each whole or not at all. */
  writeExperimentReport(report: ExperimentReport): Promise<{ readonly files: readonly string[] }>;
}
