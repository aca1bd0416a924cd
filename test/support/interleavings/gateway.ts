import type { ControlChange, Rollback, TrafficCommand } from '../../../domain/control/change.ts';
import type { ControlState, ControlView } from '../../../domain/control/state.ts';
import type { Command } from '../../../domain/control/apply-command.ts';
import { applyCommand } from '../../../domain/control/apply-command.ts';
import type { Answer, Request, World } from './world.ts';
import { NEW, OLD } from './world.ts';

/** Of the stages of the compressed plan, in percent. */
const SHARES = [10, 50, 100];

/** A lane that answers, with the flags of its release. */
const LANE = {
  flags: { impl: 'amn_v0', reranker: 'on', nprobe: 8 },
  state: 'ready',
  url: null,
  pid: null,
  restarts: 0,
  notReadySinceMs: null,
  breaker: 'closed',
  failure: null,
} as const;

interface Delivered {
  readonly world: World;
  readonly answer: Answer;
}

/** One command, as the gateway's control plane carries it out: a promotion is two states on disk. */
export function command(before: World, given: Command, request: Request | null): World {
  const applied = applyCommand(before.fence, given, before.nowMs);
  const fence =
    applied.kind === 'done' && applied.state.promoting !== null
      ? applyCommand(applied.state, { kind: 'finishPromotion' }, before.nowMs).state
      : applied.state;
  return watched(before, fence, request);
}

/** A request of the rollout arrives, and is answered. */
export function deliver(before: World, request: Request): Delivered {
  if (request.take !== null) return take(before, request);
  const given = change(before, request.change);
  const { fence } = before;
  const applied = applyCommand(fence, given, before.nowMs);
  const world = command(before, given, request);
  const { step = '', epoch } = request.change;
  if (epoch === fence.epoch && fence.steps.includes(step)) unchanged(before, world);
  const result =
    applied.kind === 'done'
      ? ({ kind: 'done', view: view(world) } as const)
      : ({ kind: 'refused', refusal: applied.refusal, view: view(world) } as const);
  const { epoch: now, interventions } = world.fence;
  return { world, answer: { epoch: now, interventions, taken: false, result } };
}

/** kill -9 of the gateway between the intent of a promotion and its end; else as any delivery. The answer is lost. */
export function deliverAndDie(before: World, request: Request, killSwitch: boolean): World {
  const applied = applyCommand(before.fence, change(before, request.change), before.nowMs);
  const wrong = applied.state.promoting === null ? null : objection(before, request);
  if (wrong !== null) throw new Error(`it is being promoted ${wrong}`);
  return restart({ ...before, fence: applied.state }, killSwitch);
}

/** The gateway restarts from what it had written, with or without CANARY_PERCENT=0. */
export function restart(before: World, killSwitch: boolean): World {
  const process = before.process + 1;
  const fence: ControlState = JSON.parse(JSON.stringify(before.fence));
  let world: World = { ...before, fence, killSwitch, process };
  if (killSwitch) world = command(world, { kind: 'killSwitch' }, null);
  world = command(world, { kind: 'tick' }, null);
  return world.fence.promoting === null ? world : command(world, { kind: 'finishPromotion' }, null);
}

/** The lease runs out, as its keeper was away for so long. */
export function loseLease(before: World): World {
  const { lease } = before.fence;
  if (lease === null) return before;
  const nowMs = Math.max(before.nowMs, lease.expiresAtMs);
  return command({ ...before, nowMs }, { kind: 'tick' }, null);
}

/** Somebody at the control listener. */
export function byHand(before: World, one: Exclude<TrafficCommand, { kind: 'promote' }>): World {
  return command(before, change(before, { by: 'ann', commands: [one] }), null);
}

/** A rollback by another than the rollout. */
export function rollBack(before: World, body: Rollback): World {
  const world = command(before, { kind: 'rollback', body, world: surroundings(before) }, null);
  return hasBegun(world) ? { ...world, ghost: { ...world.ghost, rolledBack: true } } : world;
}

/** The rollout has looked at the gateway, to take its epoch: what takes it from now on is after that. */
function hasBegun({ driver: { rollout }, asked }: World): boolean {
  return rollout.epoch !== null || asked?.command.do === 'fence';
}

/** Time goes by while whoever watches renews the lease. */
export function pass(before: World, nowMs: number): World {
  const { guard } = before;
  const { rollout } = before.driver;
  const ttlMs = nowMs - before.nowMs + 45_000;
  const renewed =
    guard === null
      ? before
      : command(before, { kind: 'renewLease', body: { epoch: rollout.epoch ?? 0, ttlMs } }, null);
  return command({ ...renewed, nowMs }, { kind: 'tick' }, null);
}

export function view({ fence, nowMs, killSwitch }: World): ControlView {
  const spec = fence.lanes.candidate;
  const candidate =
    spec === null ? null : { ...LANE, release: spec.release, flags: spec.flags ?? LANE.flags };
  const lanes = { stable: null, candidate, previous: null, spare: null };
  return { state: fence, lanes, nowMs, killSwitch };
}

/** A request that is left to itself: what it was to compare with was looked up before. */
export function letGo(world: World, request: Request): Request {
  return request.take === null ? request : { ...request, expected: request.expected ?? seen(world) };
}

/** A change's idempotency key, as the gateway gets it. */
export function stepOf(key: string): string {
  return `rollout/${key}`;
}

/** What a look at the gateway says, to compare with when an epoch is taken. */
export function seen({ fence: { owner, epoch } }: World): { owner: string; epoch: number } {
  return { owner, epoch };
}

function take(before: World, request: Request): Delivered {
  const expected = request.expected ?? seen(before);
  const key = `rollout/${request.take}`;
  const after =
    request.take === 'rollback'
      ? command(before, ownRollback(before, key), null)
      : command(before, { kind: 'takeEpoch', body: { owner: 'rollout', key, expected } }, null);
  const took = after.fence.epoch > before.fence.epoch;
  const rolledBack = after.ghost.rolledBack || (took && request.take === 'rollback');
  const world = { ...after, ghost: { ...after.ghost, rolledBack } };
  const { fence } = world;
  const result = { kind: 'done', view: view(world) } as const;
  const taken = fence.epochKey === key;
  return { world, answer: { epoch: fence.epoch, interventions: fence.interventions, taken, result } };
}

function ownRollback(world: World, key: string): Command {
  const body = { key, by: 'rollout', owner: 'rollout', to: OLD };
  return { kind: 'rollback', body, world: surroundings(world) };
}

function change(world: World, body: ControlChange): Command {
  return { kind: 'change', body, world: surroundings(world) };
}

function surroundings({ killSwitch, oldIsWarm }: World) {
  return { killSwitch, warm: oldIsWarm ? [OLD, NEW] : [NEW] };
}

function unchanged(before: World, { fence }: World): void {
  const { percent, lanes } = command(before, { kind: 'tick' }, null).fence;
  if (percent !== fence.percent || JSON.stringify(lanes) !== JSON.stringify(fence.lanes))
    throw new Error('a repeated step changed something again');
}

/** The world after the gateway's state changed; throws where users came to the candidate that should not have. */
function watched(before: World, fence: ControlState, request: Request | null): World {
  const world = { ...before, fence };
  const raised = fence.percent > before.fence.percent;
  const promoted = fence.lanes.stable.release === NEW && before.fence.lanes.stable.release === OLD;
  if (!raised && !promoted) return world;
  const what = raised
    ? `the share went from ${before.fence.percent} to ${fence.percent} %`
    : 'it was promoted';
  const wrong = objection(before, request);
  if (wrong !== null) throw new Error(`${what} ${wrong}`);
  const stage = Math.max(world.ghost.reached, SHARES.indexOf(fence.percent));
  return { ...world, ghost: { ...world.ghost, reached: stage } };
}

/** Why users must not come to the candidate by this request; null where they may. */
function objection(
  { ghost, fence, killSwitch, driver: { rollout, pending } }: World,
  request: Request | null,
): string | null {
  // The second half of a promotion whose first half was allowed.
  if (request === null) return fence.promoting === null ? 'and nobody had asked' : null;
  if (ghost.rolledBack) return 'after a rollback';
  if (killSwitch) return 'under the kill switch';
  if (fence.interventions > ghost.acknowledged) return 'after an intervention that nobody has resumed from';
  if (request.licence === null) return 'without a passed or accepted verdict, and nobody resumed';
  // Asked for before the hold: the rollout has yet to hear what became of it.
  if (pending !== null && request.change.step === stepOf(pending.key)) return null;
  if (rollout.held !== null) return `while held (${rollout.held.why}), by a request that came late`;
  return rollout.pausedSinceMs === null ? null : 'while paused, by a request that came late';
}
