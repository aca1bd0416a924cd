import type { Arms, Recommendation } from './analysis.ts';
import type { Effect, ExperimentDesign } from './effect.ts';
import { effectOf } from './analysis.ts';
import { EXPERIMENT_METRICS } from './effect.ts';
import { formatEffect } from './describe-reason.ts';
import type { ExperimentInput } from './input.ts';
import type { ExperimentReason } from './reason.ts';

export type ExperimentOutcome =
  /** It ran to a recommendation, or to its planned end. */
  | 'completed'
  /** It never began: a rollout holds the fence, or there is too little traffic to find anything. */
  | 'refused'
  /** A person ended it. */
  | 'stopped'
  /** Another workflow or a hand took the lanes: the arms ended with the epoch. */
  | 'superseded'
  | 'cancelled';

/** What an experiment found, as it is written down and returned. */
export interface ExperimentReport {
  readonly name: string;
  readonly run: string;
  readonly release: string;
  readonly input: ExperimentInput;
  readonly design: ExperimentDesign;
  readonly outcome: ExperimentOutcome;
  readonly recommendation: Recommendation;
  readonly why: ExperimentReason;
  /** `why` as a sentence. */
  readonly reason: string;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly arms: Arms;
  /** Each metric's lift; the first one decided. */
  readonly effects: readonly Effect[];
  /** p of the split of distinct keys; null while there were few. */
  readonly splitP: number | null;
  /** Restarts of the gateway; each may have lost what came after the reading before. */
  readonly restarts: number;
}

/** The lifts in all metrics, the deciding one first. */
export function effectsOf(design: ExperimentDesign, arms: Arms): Effect[] {
  const others = EXPERIMENT_METRICS.filter((metric) => metric !== design.metric);
  return [design.metric, ...others].map((metric) => effectOf(metric, arms, design.units));
}

const ADVICE: Record<Recommendation, string> = {
  keepOn: 'keep the reranker on',
  turnOff: 'turn the reranker off',
  undecided: 'undecided',
};

/** The report for people; times are shown as the caller formats them. */
export function experimentMarkdown(report: ExperimentReport, time: (ms: number) => string): string {
  const { input, design, arms, effects, splitP } = report;
  const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  const heard = (ranks: readonly number[]) => ranks.reduce((sum, count) => sum + count, 0);
  return [
    `# Reranker experiment ${report.name}: ${ADVICE[report.recommendation]}`,
    '',
    `${report.outcome}: ${report.reason}`,
    '',
    `${report.release}, ${time(report.startedMs)} to ${time(report.endedMs)}; ${input.offPercent} % of the users without reranker. Decided by ${design.metric}; a lift of ${input.detectPoints} points was to be found within ${design.units} units. Intervals hold at all looks together (95 % confidence sequence). A unit is a request or its feedback: users who ask more count more.`,
    '',
    row(['arm', 'requests', 'errors', 'feedback', 'request keys']),
    row(['---', '---', '---', '---', '---']),
    row(['with reranker', arms.on.requests, arms.on.errors, heard(arms.on.ranks), arms.on.keys]),
    row(['without', arms.off.requests, arms.off.errors, heard(arms.off.ranks), arms.off.keys]),
    '',
    ...effects.map((effect) => `- ${formatEffect(effect)}`),
    `- split: ${splitP === null ? 'too few keys to judge it' : `p ${splitP.toPrecision(2)} (broken below 0.001)`}`,
    ...(report.restarts === 0 ? [] : [`- the gateway was restarted ${report.restarts} times`]),
    '',
  ].join('\n');
}
