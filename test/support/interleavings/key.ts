import type { ControlState, Flags } from '../../../domain/control/state.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import { decideMs, nextRaiseMs, stageOf } from '../../../domain/rollout/state.ts';
import type { SnapshotResult } from '../../../domain/metrics/snapshot.ts';
import type { DriverState } from '../../../domain/rollout/driver.ts';
import { stepOf } from './gateway.ts';
import type { Asked, Request, World } from './world.ts';

const FRESH_MS = 26 * 3_600_000;

/**
 * What a world's future depends on, as text. Times become the questions that are asked of them, epochs and counts of
 * interventions their distance to the gateway's, steps whether they were carried out; texts and counters drop out.
 */
export function keyOf(plan: Plan, world: World): string {
  const { fence, ghost, driver, guardSaw } = world;
  return [
    ofRollout(plan, world),
    ofFence(fence, driver.rollout.epoch),
    ofAsked(fence, driver, world.asked),
    ofDriver(fence, driver),
    world.late
      .map((request) => ofRequest(fence, driver, request))
      .toSorted()
      .join('+'),
    bits(world.ended, world.killSwitch, world.oldIsWarm),
    world.guard === null ? '' : fence.interventions - world.guard,
    guardSaw === null ? '' : guardSaw.kind,
    guardSaw?.kind === 'intervened'
      ? `${fence.interventions - guardSaw.interventions}/${guardSaw.percent}`
      : '',
    world.standAlone,
    fence.interventions - ghost.acknowledged,
    ghost.licence,
    ghost.reached,
    bits(ghost.resumed, ghost.rolledBack),
  ].join('|');
}

function ofRollout(plan: Plan, world: World): string {
  const { driver, fence, nowMs, process } = world;
  const state = driver.rollout;
  const { evaluation, judgement } = state;
  return [
    state.phase,
    state.stage,
    state.percent,
    state.extensions,
    ofSnapshot(state.opening, process),
    ofSnapshot(state.closing, process),
    judgement === null ? '' : `${judgement.verdict}${judgement.onFail}`,
    evaluation === null ? '' : evaluation.kind === 'missing' ? 'x' : evaluation.lostAt5,
    evaluation?.kind === 'evaluated' && nowMs - evaluation.atMs > FRESH_MS ? 'old' : '',
    state.held?.why ?? '',
    state.move?.step ?? '',
    state.moves.map(({ stage, step }) => `${stage}${step}`).join('/'),
    judgement?.remediation.join('/') ?? '',
    fence.interventions - state.interventions,
    fence.interventions - state.interventionsSeen,
    state.outcome ?? state.outcomeAfterRollback,
    bits(
      state.t0Ms === null,
      state.recheck,
      state.lookedAgain,
      state.reference === null,
      state.baselineMissing,
      state.pausedSinceMs === null,
      state.epoch === null,
    ),
    ofTimes(plan, world),
  ].join(',');
}

/** Whether now, the end of the wait, and that of a window opened now, lie before the decision and the next raise. */
function ofTimes(plan: Plan, { driver: { rollout: state }, nowMs }: World): string {
  if (state.t0Ms === null) return bits(state.waitUntilMs <= nowMs);
  const standsAtMs = state.pausedSinceMs ?? nowMs;
  const dueMs = nextRaiseMs(plan, state) ?? Infinity;
  const decidesMs = decideMs(plan, state);
  const ends = [standsAtMs, state.waitUntilMs, standsAtMs + stageOf(plan, state).windowMs];
  return bits(
    state.waitUntilMs <= standsAtMs,
    ...ends.flatMap((endMs) => [endMs >= dueMs, endMs >= decidesMs]),
  );
}

function ofFence(fence: ControlState, epoch: number | null): string {
  const { lanes, lastIntervention } = fence;
  return [
    fence.epoch === epoch ? 'rollout' : 'other',
    fence.epochKey.startsWith('by hand') ? 'by hand' : fence.epochKey,
    fence.percent,
    lanes.stable.release,
    lanes.candidate?.release,
    ofFlags(lanes.candidate?.flags ?? null),
    ofFlags(lanes.stable.flags),
    lanes.previous?.release,
    lanes.spare?.release,
    fence.restoring,
    lastIntervention?.kind,
    bits(fence.promoting === null, fence.lease === null, wasCarriedOut(fence, 'rollout/rollback')),
  ].join(',');
}

/** Of a change without an answer only counts whether it was carried out. */
function ofDriver({ steps }: ControlState, { pending, sweeping, doubt }: DriverState): string {
  return bits(pending !== null, pending !== null && steps.includes(stepOf(pending.key)), sweeping, doubt);
}

function ofAsked(fence: ControlState, driver: DriverState, asked: Asked | null): string {
  if (asked === null) return '';
  const { request, answer } = asked;
  const what = `${asked.command.do}:${ofRequest(fence, driver, request)}`;
  if (answer === null) return what;
  const { result } = answer;
  const { percent, interventions, lanes } = result.view.state;
  const said = result.kind === 'done' ? 'done' : result.refusal.kind;
  const why =
    result.kind === 'refused' && result.refusal.kind === 'intervened'
      ? result.refusal.intervention?.kind
      : '';
  const old = fence.interventions - interventions;
  return `${what}=${said}${why}${percent}/${old}${lanes.stable.release}${answer.epoch === fence.epoch}`;
}

function ofRequest(fence: ControlState, { pending }: DriverState, request: Request): string {
  const { take, licence, change, expected } = request;
  const { epoch, step = '', interventions = fence.interventions, commands } = change;
  return [
    take,
    licence,
    JSON.stringify(commands),
    fence.interventions - interventions,
    bits(
      epoch === fence.epoch,
      fence.steps.includes(step),
      expected?.epoch === fence.epoch,
      pending !== null && step === stepOf(pending.key),
    ),
  ].join(',');
}

function wasCarriedOut({ rollbacks }: ControlState, wanted: string): boolean {
  return rollbacks.some(({ key }) => key === wanted);
}

function ofSnapshot(result: SnapshotResult | null, process: number): string {
  if (result === null) return '';
  if (result.kind === 'missing') return 'x';
  const { percent, processStartMs, lanes } = result.snapshot;
  return `${percent}${processStartMs === process}${lanes.candidate === null}`;
}

function ofFlags(flags: Flags | null): string {
  return flags === null ? '' : `${flags.nprobe}${flags.reranker}${flags.impl}`;
}

function bits(...of: readonly boolean[]): string {
  return of.map(Number).join('');
}
