import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { ControlChange } from '../../../domain/control/change.ts';
import type { ControlState } from '../../../domain/control/state.ts';
import { firstState } from '../../../domain/control/apply-command.ts';
import type { GateCheck, HarmRule, RemediationStep, Plan } from '../../../domain/plan/plan.ts';
import { parsePlan } from '../../../plan-files/parse-plan.ts';
import type { Command } from '../../../domain/rollout/next-action.ts';
import type { DriverState } from '../../../domain/rollout/driver.ts';
import { newDriver } from '../../../domain/rollout/driver.ts';
import { newRollout } from '../../../domain/rollout/state.ts';
import type { ChangeResult } from '../../../domain/control/change-result.ts';
import type { GuardEvent } from '../../../domain/guard/state.ts';

export const OLD = 'v-1';
export const NEW = 'v0';
/** Requests that are under way at once without anybody who waits for them. */
export const LATE_AT_MOST = 2;
const LADDER: readonly RemediationStep[] = ['nprobeDown', 'rerankerOff'];
/** A rule of the guard that asks for the ladder. */
export const HARM: HarmRule = { metric: 'errorRate', over: null, tolerance: 0.1, onAlarm: 'hold' };

/** What a workflow asks of the gateway: the fence's epoch, a rollback, or a change of traffic. */
export interface Request {
  /** Key of an epoch or of a rollback, or null for a change. */
  readonly take: 'start' | 'rollback' | null;
  /** What the gateway had said when the epoch was asked for; null: it is looked at first, as the activity does. */
  readonly expected: { readonly owner: string; readonly epoch: number } | null;
  readonly change: ControlChange;
  /** Why this change may put users on the candidate; null where nothing allows it. */
  readonly licence: string | null;
}

/** The one activity that the rollout waits for. */
export interface Asked {
  readonly command: Command;
  readonly request: Request;
  /** What the gateway said, on its way to the workflow. */
  readonly answer: Answer | null;
}

export interface Answer {
  readonly epoch: number;
  readonly interventions: number;
  /** The epoch is the one that was asked for. */
  readonly taken: boolean;
  readonly result: ChangeResult;
}

/** What a person would have noted down beside the code under test; decisions are held against it. */
export interface Ghost {
  /** Interventions that a person has been shown before the last `resume`. */
  readonly acknowledged: number;
  /** The latest verdict of the stage under way allows the next raise; null where there is none, or another. */
  readonly licence: 'pass' | 'approved' | null;
  /** A person said `resume` since the last raise. */
  readonly resumed: boolean;
  /** Highest stage whose share was once set; -1 before the first. */
  readonly reached: number;
  /** A rollback took the epoch from the rollout. */
  readonly rolledBack: boolean;
}

/** Everything there is: one rollout, one gateway, and what lies between them. Immutable. */
export interface World {
  readonly nowMs: number;
  readonly driver: DriverState;
  readonly asked: Asked | null;
  /** Requests that nobody waits for any more, and that may still arrive. */
  readonly late: readonly Request[];
  readonly ended: boolean;
  readonly fence: ControlState;
  readonly killSwitch: boolean;
  /** The gateway's process, by number. */
  readonly process: number;
  /** The lane of the old release answers, so that users can go back at once. */
  readonly oldIsWarm: boolean;
  /** Interventions that the running guard knows of; null: no guard runs. */
  readonly guard: number | null;
  readonly guardSaw: GuardEvent | null;
  /** The workflow `rollback`, started beside the rollout. */
  readonly standAlone: 'none' | 'begun' | 'ended';
  readonly ghost: Ghost;
}

/** The compressed plan's three stages, extended once, with a row for each kind of verdict. */
export function smallPlan(): Plan {
  const text = readFileSync(new URL('../../fixtures/plans/compressed.yaml', import.meta.url), 'utf8');
  const result = parsePlan(parse(text));
  if (!result.ok) throw new Error(result.problems.join());
  const stages = result.plan.stages.map((stage) => {
    const [, limit] = stage.rows;
    if (limit === undefined) throw new Error(`stage ${stage.name} has no second row`);
    const errors: GateCheck = {
      ...limit,
      warnAbove: 0.1,
      failAbove: 0.3,
      onFail: 'hold',
      remediation: LADDER,
    };
    const gross: GateCheck = { ...limit, warnAbove: null, failAbove: 0.6, onFail: 'rollback' };
    return { ...stage, rows: [errors, gross, ...stage.rows.slice(2)] };
  });
  const guard = { ...result.plan.guard, harms: [HARM] };
  return { ...result.plan, guard, stages, extendAtMost: 1, maxRemediations: LADDER.length };
}

export function firstWorld(): World {
  return {
    nowMs: 0,
    driver: newDriver(newRollout('retriever', NEW, 0)),
    asked: null,
    late: [],
    ended: false,
    fence: firstState({ release: OLD, flags: null }, 0),
    killSwitch: false,
    process: 1,
    oldIsWarm: true,
    guard: null,
    guardSaw: null,
    standAlone: 'none',
    ghost: { acknowledged: 0, licence: null, resumed: false, reached: -1, rolledBack: false },
  };
}
