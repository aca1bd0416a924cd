import type { BlastRadius } from './impact.ts';
import { formatBlastRadius } from './impact.ts';
import type { Metric } from '../../metrics/registry.ts';
import type { Plan } from '../../plan/plan.ts';
import type { Remediation, Outcome, RolloutState, TimelineEntry } from '../state.ts';
import { decideMs, nextRaiseMs, stageOf } from '../state.ts';
import { PHASES } from '../phases.ts';
import { formatTimes } from '../repeats.ts';
import type { Interval } from '../../statistics/proportion.ts';
import type { Waits } from './waits.ts';
import { waitsOf } from './waits.ts';
import type { Verdict } from '../../core/verdict.ts';

/** A row of the latest gate, judged. */
export interface StatusRow {
  readonly metric: Metric;
  readonly verdict: Verdict;
  readonly reason: string;
  /** Samples behind the number; null where there is none. */
  readonly n: number | null;
  /** What decided, in the metric's own terms (of a P95 the share of slower requests). */
  readonly interval: Interval | null;
  /** How far it was from another verdict, in words; null where that cannot be said. */
  readonly distance: string | null;
}

/** Answer of the query `status`. */
export interface RolloutStatus {
  /** One word or two: `pre-flight`, `canary-5: measuring`, `held`, `paused`, `rolling back`, or the outcome. */
  readonly state: string;
  readonly stage: string | null;
  readonly percent: number;
  readonly verdict: Verdict | null;
  /** Why it stands where it stands. */
  readonly reason: string;
  /** Milliseconds since 1970; null before T0, while a person is waited for, and at the end: see `waits`. */
  readonly nextDecisionAt: number | null;
  /** What it waits for, and until when. */
  readonly waits: Waits;
  readonly outcome: Outcome | null;
  /** The latest gate row by row: each with its numbers, why, and how far it was from another verdict. */
  readonly rows: readonly StatusRow[];
  /** Steps of the ladder that were taken. */
  readonly ladder: readonly Remediation[];
  readonly timeline: readonly TimelineEntry[];
  /** The runbook's name for what comes next, e.g. `T+3h`. */
  readonly runbookClock: string | null;
  /** When the rollout ends at the earliest if all goes well; null before T0 and at the end. */
  readonly endsAt: number | null;
  readonly candidate: string;
  readonly rollsBackTo: string | null;
  /** Whether a rollback's probes answered as the old release; null without a rollback. */
  readonly verified: boolean | null;
  /** From the trigger of a rollback to users on the old release. */
  readonly safeAfterMs: number | null;
  /** What the candidate did to users, as far as the counters were read; null before its first user. */
  readonly blastRadius: BlastRadius | null;
}

/** The status of a rollout; `plan` is null until it is loaded. */
export function statusOf(plan: Plan | null, state: RolloutState): RolloutStatus {
  const stage = plan === null || state.t0Ms === null ? null : stageOf(plan, state);
  const nextDecisionAt = plan === null ? null : nextDecisionMs(plan, state);
  return {
    state: stateWord(state, stage?.name ?? null),
    stage: stage?.name ?? null,
    percent: state.percent,
    verdict: state.judgement?.verdict ?? null,
    reason:
      state.outcomeReason ??
      state.held?.reason ??
      state.rollbackReason ??
      state.judgement?.reason ??
      lastText(state),
    nextDecisionAt,
    waits: waitsOf(plan, state),
    outcome: state.outcome,
    rows: (state.judgement?.rows ?? []).map(({ row, verdict, reason, measured, interval, distance }) => ({
      metric: row.metric,
      verdict,
      reason,
      n: measured.kind === 'value' ? measured.n : null,
      interval,
      distance,
    })),
    ladder: state.moves,
    timeline: state.timeline,
    runbookClock:
      stage === null
        ? null
        : state.phase === 'soak' || state.recheck
          ? nextRunbookAt(plan, state)
          : stage.runbookDecideAt,
    endsAt: plan === null ? null : endMs(plan, state),
    candidate: state.candidate,
    rollsBackTo: state.report?.stable ?? null,
    verified: state.verification?.verified ?? null,
    safeAfterMs: state.safeAfterMs,
    blastRadius: state.t0Ms === null ? null : state.blast.radius,
  };
}

function lastText({ timeline }: RolloutState): string {
  return timeline.at(-1)?.text ?? 'starting';
}

function nextRunbookAt(plan: Plan | null, state: RolloutState): string | null {
  return plan?.stages[state.stage + 1]?.runbookAt ?? null;
}

function nextDecisionMs(plan: Plan, state: RolloutState): number | null {
  if (state.outcome !== null || state.pausedSinceMs !== null || state.held !== null || state.t0Ms === null)
    return null;
  if (state.phase === 'soak' || state.recheck) return nextRaiseMs(plan, state);
  const waits = state.phase === 'measuring' || state.phase === 'warmUp';
  return Math.max(decideMs(plan, state), waits ? state.waitUntilMs : 0);
}

function endMs(plan: Plan, state: RolloutState): number | null {
  const last = plan.stages.at(-1);
  if (state.outcome !== null || state.t0Ms === null || last === undefined || state.phase === 'rollback')
    return null;
  return state.stageStartMs + last.decideAtMs - stageOf(plan, state).atMs;
}

function stateWord(state: RolloutState, stage: string | null): string {
  if (state.outcome !== null) return state.outcome;
  if (state.phase === 'rollback') return PHASES.rollback.label;
  if (state.pausedSinceMs !== null) return 'paused';
  if (state.held !== null) return 'held';
  const { label } = PHASES[state.phase];
  if (stage !== null) return `${stage}: ${label}`;
  return state.phase === 'raise' ? 'before T0' : label;
}

/** The status as markdown, for the web UI's current details. Times are shown as the caller formats them. */
export function statusMarkdown(status: RolloutStatus, time: (ms: number) => string): string {
  const rows = [
    ['state', status.state],
    ['users on the candidate', `${status.percent} %`],
    ['verdict', status.verdict ?? 'none yet'],
    ['why', status.reason],
    [
      'waits for',
      `${status.waits.for}${status.waits.untilMs === null ? '' : `, until ${time(status.waits.untilMs)}`}`,
    ],
    ...(status.nextDecisionAt === null
      ? []
      : [['next decision', `${time(status.nextDecisionAt)} (${status.runbookClock ?? ''})`]]),
    ['rolls back to', status.rollsBackTo ?? 'not known yet'],
    ...(status.blastRadius === null ? [] : [['blast radius', formatBlastRadius(status.blastRadius)]]),
  ];
  const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const timeline = status.timeline
    .slice(-12)
    .map((entry) => `- ${time(entry.atMs)} · ${entry.percent} % · ${entry.text}${formatTimes(entry)}`);
  return [
    `### ${status.candidate}`,
    '| | |',
    '| --- | --- |',
    ...rows.map(([name = '', value = '']) => `| ${name} | ${cell(value)} |`),
    '',
    ...timeline,
    '',
    'Signals: `pause`, `resume`, `hold`, `approve`, `advance`, `rollback`; none needs an input.',
  ].join('\n');
}
