import type { BlastTrack } from './status/impact.ts';
import { NO_BLAST } from './status/impact.ts';
import type { Flags } from '../control/state.ts';
import type { RemediationStep, Plan, Stage } from '../plan/plan.ts';
import type { Evidence } from '../metrics/evidence.ts';
import type { SnapshotResult } from '../metrics/snapshot.ts';
import type { LaneWindow } from '../metrics/window.ts';
import type { EvaluationResult } from '../core/evaluation-result.ts';
import type { RollbackVerification } from '../core/rollback-verification.ts';
import type { PreflightReport } from '../preflight/report.ts';
import type { Verdict } from '../core/verdict.ts';
import type { GateResult } from '../gate/gate-result.ts';
import type { Decision } from './decision.ts';

/** How a rollout can end; each is a completed workflow. */
export type Outcome = 'shipped' | 'refused' | 'aborted' | 'rolledBack' | 'supersededByRollback' | 'cancelled';

/** What the rollout does now; from `raise` to `soak` once for each stage. PHASES has the rules of each. */
export type Phase =
  | 'preflight'
  | 'fence'
  | 'load'
  | 'baselineOpen'
  | 'baselineWait'
  | 'baselineClose'
  | 'raise'
  | 'evaluateStart'
  | 'warmUp'
  | 'openWindow'
  | 'measuring'
  | 'closeWindow'
  | 'evaluateEnd'
  | 'readFlags'
  | 'applyRemediation'
  | 'soak'
  | 'withdrawTraffic'
  | 'promote'
  | 'rollback'
  | 'done';

/** Why the percent does not rise. `verdict` and `operator` keep measuring. */
export interface Held {
  readonly why:
    'verdict' | 'operator' | 'intervention' | 'leaseLost' | 'noTelemetry' | 'baselineAlsoFailing' | 'refused';
  readonly reason: string;
}

export interface TimelineEntry {
  readonly atMs: number;
  readonly stage: string | null;
  readonly percent: number;
  readonly kind: 'step' | 'verdict' | 'message' | 'guard' | 'held' | 'outcome';
  readonly verdict: Verdict | null;
  readonly text: string;
  /** Of a message that changed nothing: how often it came, and when last. */
  readonly times?: number;
  readonly lastMs?: number;
}

/** A step of the ladder: what it made of the candidate's flags (a sweep may leave them), and the numbers that asked for it. */
export interface Remediation {
  readonly stage: string;
  readonly step: RemediationStep;
  readonly from: Flags;
  readonly to: Flags;
  readonly because: string;
  readonly atMs: number;
}

/** All that a rollout knows. Plain JSON, changed only by `reduce`. */
export interface RolloutState {
  readonly service: string;
  readonly candidate: string;
  readonly phase: Phase;
  /** Index into the plan's stages; the stage that is, or is about to be, under way. */
  readonly stage: number;
  /** Highest stage whose share was set; -1 before the first. */
  readonly reached: number;
  /** The candidate's share as far as the rollout knows. */
  readonly percent: number;
  readonly startedMs: number;
  /** When the first users came to the candidate; null before. */
  readonly t0Ms: number | null;
  /** When the stage's percent was set, moved on by pauses. */
  readonly stageStartMs: number;
  /** End of the wait that `phase` is in. */
  readonly waitUntilMs: number;
  readonly opening: SnapshotResult | null;
  /** The window just before the next raise, judged again. */
  readonly recheck: boolean;
  readonly extensions: number;
  /** A latency that no step of the ladder mended had its fresh window. */
  readonly lookedAgain: boolean;
  readonly judgement: GateResult | null;
  /** What the judgement was made on; null where there was no window. */
  readonly evidence: Evidence | null;
  readonly closing: SnapshotResult | null;
  readonly evaluation: EvaluationResult | null;
  /** Stable's last valid window at a percent below 100. */
  readonly reference: LaneWindow | null;
  readonly baselineMissing: boolean;
  /** Steps of the ladder that were taken, oldest first, and the one that is being taken. */
  readonly moves: readonly Remediation[];
  readonly move: Remediation | null;
  /** `<stage>/<metric>` of rows that only inform, and have done so. */
  readonly notified: readonly string[];
  readonly held: Held | null;
  readonly pausedSinceMs: number | null;
  /** Since when it is held, and when a person was last asked to end the hold or the pause. */
  readonly heldSinceMs: number | null;
  readonly askedMs: number | null;
  readonly epoch: number | null;
  /** Interventions that the rollout has taken note of, and the newest count seen. */
  readonly interventions: number;
  readonly interventionsSeen: number;
  readonly report: PreflightReport | null;
  readonly rollbackReason: string | null;
  /** What the outcome is once traffic is back on stable. */
  readonly outcomeAfterRollback: 'aborted' | 'rolledBack' | 'cancelled';
  readonly triggeredMs: number | null;
  readonly verification: RollbackVerification | null;
  /** From the trigger of a rollback to users on the old release. */
  readonly safeAfterMs: number | null;
  readonly outcome: Outcome | null;
  readonly outcomeReason: string | null;
  readonly timeline: readonly TimelineEntry[];
  /** What the candidate did to users so far. */
  readonly blast: BlastTrack;
}

/** Something to do for the outside besides the next action; none of them decides anything. */
export type Effect =
  | {
      readonly kind: 'page';
      readonly severity: 'info' | 'warning' | 'critical';
      readonly title: string;
      readonly text: string;
    }
  | { readonly kind: 'recordBaseline'; readonly opening: SnapshotResult; readonly closing: SnapshotResult }
  | { readonly kind: 'record'; readonly decision: Decision };

export interface Step {
  readonly state: RolloutState;
  readonly effects: readonly Effect[];
}

/** Entries kept for the query and the report; a rollout that is held for days says no more than this. */
const TIMELINE_LENGTH = 200;

/** A stage, or what was changed in it, is looked at for the first time. */
export const NO_RETRIES_YET = { extensions: 0, lookedAgain: false } as const;

/** A rollout that has not done anything yet. */
export function newRollout(service: string, candidate: string, nowMs: number): RolloutState {
  return {
    service,
    candidate,
    phase: 'preflight',
    stage: 0,
    reached: -1,
    percent: 0,
    startedMs: nowMs,
    t0Ms: null,
    stageStartMs: nowMs,
    waitUntilMs: nowMs,
    opening: null,
    recheck: false,
    ...NO_RETRIES_YET,
    judgement: null,
    evidence: null,
    closing: null,
    evaluation: null,
    reference: null,
    baselineMissing: false,
    moves: [],
    move: null,
    notified: [],
    held: null,
    pausedSinceMs: null,
    heldSinceMs: null,
    askedMs: null,
    epoch: null,
    interventions: 0,
    interventionsSeen: 0,
    report: null,
    rollbackReason: null,
    outcomeAfterRollback: 'rolledBack',
    triggeredMs: null,
    verification: null,
    safeAfterMs: null,
    outcome: null,
    outcomeReason: null,
    timeline: [],
    blast: NO_BLAST,
  };
}

/** The stage under way. */
export function stageOf(plan: Plan, state: RolloutState): Stage {
  const stage = plan.stages[state.stage];
  if (stage === undefined) throw new Error(`plan ${plan.name} has no stage ${state.stage}`);
  return stage;
}

/** When the next stage may begin at the earliest: the plan's distance from this stage's real start. */
export function nextRaiseMs(plan: Plan, state: RolloutState): number | null {
  const next = plan.stages[state.stage + 1];
  return next === undefined ? null : state.stageStartMs + next.atMs - stageOf(plan, state).atMs;
}

/** When this stage is decided at the earliest. */
export function decideMs(plan: Plan, state: RolloutState): number {
  const stage = stageOf(plan, state);
  return state.stageStartMs + stage.decideAtMs - stage.atMs;
}

/** The state with a line more in its timeline. */
export function log(
  plan: Plan,
  state: RolloutState,
  entry: Pick<TimelineEntry, 'kind' | 'text'> & Partial<TimelineEntry>,
  nowMs: number,
): RolloutState {
  const line: TimelineEntry = {
    atMs: nowMs,
    stage: state.t0Ms === null ? null : stageOf(plan, state).name,
    percent: state.percent,
    verdict: null,
    ...entry,
  };
  return { ...state, timeline: [...state.timeline, line].slice(-TIMELINE_LENGTH) };
}
