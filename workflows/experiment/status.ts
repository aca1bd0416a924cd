import type { Arms, Recommendation } from '../../domain/experiment/analysis.ts';
import type { ExperimentReason } from '../../domain/experiment/reason.ts';
import type { ExperimentOutcome } from '../../domain/experiment/report.ts';

/** What an experiment ends with. */
export interface ExperimentResult {
  readonly outcome: ExperimentOutcome;
  readonly recommendation: Recommendation;
  readonly why: ExperimentReason;
  /** `why` as a sentence. */
  readonly reason: string;
  /** The report's files; none where it never began. */
  readonly files: readonly string[];
}

/** Answer of the query `status` of an experiment. */
export interface ExperimentStatus {
  /** What is under way, or the outcome. */
  readonly state: string;
  readonly reason: string;
  readonly arms: Arms;
  readonly recommendation: Recommendation | null;
}

/** The status for the web UI's current details. */
export function detailsMarkdown({ state, reason, arms }: ExperimentStatus): string {
  return `### Reranker experiment: ${state}\n\n${reason}\n\nWith reranker ${arms.on.requests} requests, without ${arms.off.requests}.\n\nSignals: \`stop\`, \`rollback\`; neither needs an input.`;
}
