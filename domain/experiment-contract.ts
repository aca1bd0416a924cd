import type { Arms } from './experiment.ts';
import type { ExperimentReport } from './experiment-report.ts';

/** What `rerankerExperiment` asks of the world, beside what it shares with a rollout; see contract.ts for the rules. */
export interface ExperimentActivities {
  /** The gateway's counters by arm, and of all its traffic. */
  readArms(): Promise<ArmsReading>;
  /** Writes artifacts/experiments/<name>.json and .md, each whole or not at all. */
  writeExperimentReport(report: ExperimentReport): Promise<{ readonly files: readonly string[] }>;
}

export type ArmsReading =
  | {
      readonly kind: 'arms';
      /** The service whose gateway was read. */
      readonly service: string;
      readonly takenAtMs: number;
      /** Another one: the gateway was restarted, and its counters began anew. */
      readonly processStartMs: number;
      /** How long it had run, by its own clock: an old body does not move. */
      readonly uptimeMs: number;
      readonly epoch: number;
      /** The experiment that runs; null without one. */
      readonly experiment: string | null;
      readonly arms: Arms;
      /** Of stable: queries with a context, and feedback of any kind, since the gateway began. */
      readonly requests: number;
      readonly feedback: number;
    }
  | { readonly kind: 'missing'; readonly reason: string };
