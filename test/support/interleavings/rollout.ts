import type { ControlChange } from '../../../domain/control/change.ts';
import { guardStep, newGuard } from '../../../domain/guard/guard.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import { reduce } from '../../../domain/rollout/reduce.ts';
import type { Action } from '../../../domain/rollout/next-action.ts';
import { nextAction } from '../../../domain/rollout/next-action.ts';
import { objection } from '../../../domain/rollout/operator-commands.ts';
import type { MessageName } from '../../../domain/rollout/operator-commands.ts';
import type { RolloutState } from '../../../domain/rollout/state.ts';
import { flagsOf, load, promote, traffic } from '../control-commands.ts';
import { letGo, pass, seen, view } from './gateway.ts';
import { evaluation, readings, report } from './readings.ts';
import type { Answer, Ghost, Request, World } from './world.ts';
import { LATE_AT_MOST, NEW, OLD } from './world.ts';
import type { GuardEvent } from '../../../domain/guard/state.ts';
import type { RolloutEvent } from '../../../domain/rollout/events.ts';

/** An event taken up by the rollout, as RolloutRun does it: state, then the guard that follows it, then the notes. */
export function dispatch(plan: Plan, before: World, event: RolloutEvent): World {
  const { state } = reduce(plan, before.rollout, event, before.nowMs);
  // Nothing is decided by what has been said: a timeline only keeps equal states apart.
  const rollout: RolloutState = { ...state, timeline: [] };
  const ghost = noted(plan, before, rollout, event);
  return followed({ ...before, rollout, ghost });
}

/** What becomes of the action that is due. */
export function act(plan: Plan, world: World): World {
  const action = nextAction(plan, world.rollout);
  const { rollout } = world;
  if (action.do !== 'rollback' && action.do !== 'finish' && world.left !== null)
    return settle(world, action, world.left);
  switch (action.do) {
    case 'preflight':
      return dispatch(plan, world, { kind: 'preflight', report: report('green') });
    case 'fence':
      return asking(world, action, [], null, 'start', seen(world));
    case 'load':
      return asking(world, action, [traffic(0), load(NEW)], null);
    case 'snapshot':
      return dispatch(plan, world, { kind: 'snapshot', result: readings(world, 'good') });
    case 'evaluate':
      return dispatch(plan, world, { kind: 'evaluated', result: evaluation(world, 0) });
    case 'raise': {
      const { leaseTtlMs: ttlMs, onLeaseExpiry: onExpiry } = plan.guard;
      const lease = { ttlMs, onExpiry };
      return asking(world, action, [traffic(action.percent, { lease })], licence(world, action));
    }
    case 'zero':
      return asking(world, action, [traffic(0)], null);
    case 'look':
      return dispatch(plan, world, { kind: 'looked', view: view(world) });
    case 'tune':
      return dispatch(plan, world, {
        kind: 'tuned',
        result: { outcome: 'hold', nprobe: null, reason: 'no nprobe qualifies' },
      });
    case 'step':
      return asking(world, action, [flagsOf('candidate', action.flags)], null);
    case 'promote':
      return asking(world, action, [promote(plan.keepPreviousMs)], licence(world, action));
    case 'wait':
      return action.untilMs === null
        ? world
        : dispatch(plan, pass(world, Math.max(world.nowMs, action.untilMs)), { kind: 'time' });
    case 'rollback':
      return rollout.t0Ms === null
        ? dispatch(plan, world, { kind: 'rolledBack', verification: null, safeAfterMs: 0 })
        : asking(world, action, [], null, 'rollback');
    case 'finish':
      return rollout.t0Ms === null && rollout.epoch !== null
        ? asking(world, action, [traffic(0), load(null)], null)
        : { ...world, ended: true, guard: null };
    default:
      return action satisfies never;
  }
}

/** The answer has reached the workflow. */
export function takeAnswer(plan: Plan, before: World): World {
  const { pending } = before;
  if (pending === null || pending.answer === null) return before;
  const { action, request, answer, settles } = pending;
  const brings = ['raise', 'step', 'promote'].includes(action.do) && answer.result.kind === 'refused';
  const world = { ...before, pending: null, left: settles ? null : brings ? request : before.left };
  if (settles) return dispatch(plan, world, { kind: 'settled', result: answer.result });
  const changed = { kind: 'changed', result: answer.result } as const;
  switch (action.do) {
    case 'fence':
      return dispatch(
        plan,
        world,
        answer.taken
          ? { kind: 'fenced', epoch: answer.epoch, interventions: answer.interventions }
          : { kind: 'superseded', reason: 'somebody took the epoch' },
      );
    case 'load':
      return dispatch(
        plan,
        world,
        answer.result.kind === 'refused' ? changed : { kind: 'loaded', ready: true, reason: '' },
      );
    case 'rollback':
      return wentBack(plan, world, answer);
    case 'finish':
      return { ...world, ended: true };
    default:
      return dispatch(plan, world, changed);
  }
}

/** A message, or what the guard saw, which leaves behind what is under way; it may arrive all the same. */
export function interrupt(before: World): World {
  const { pending, late } = before;
  if (pending === null) return before;
  if (pending.settles) return { ...before, pending: null };
  const isSettled = ['raise', 'step', 'promote'].includes(pending.action.do);
  return {
    ...before,
    pending: null,
    left: isSettled ? pending.request : before.left,
    late:
      pending.answer === null && late.length < LATE_AT_MOST
        ? [...late, letGo(before, pending.request)]
        : late,
  };
}

export function say(plan: Plan, world: World, name: MessageName): World {
  return dispatch(plan, world, { kind: 'message', message: { name, reason: null, by: null } });
}

/** What the guard would see at the gateway now: a newer epoch, or a change that it does not know of. */
export function guardSees(plan: Plan, world: World): GuardEvent | null {
  if (world.guard === null) return null;
  const poll = { snapshot: { kind: 'missing', reason: '' }, control: view(world) } as const;
  const context = {
    plan,
    epoch: world.rollout.epoch ?? 0,
    interventions: world.guard,
    candidateQuality: null,
    stableQuality: null,
  };
  return guardStep(newGuard(world.nowMs), poll, context, world.nowMs).event;
}

function asking(
  world: World,
  action: Action,
  commands: ControlChange['commands'],
  allowed: string | null,
  take: Request['take'] = null,
  expected: Request['expected'] = null,
): World {
  const steps = world.steps + 1;
  const { epoch, interventions } = world.rollout;
  const step = `rollout/${steps}`;
  const change = { by: 'rollout', epoch: epoch ?? 0, step, interventions, commands };
  const request = { take, expected, change, licence: allowed };
  return { ...world, steps, pending: { action, request, answer: null, settles: false } };
}

/** The key of the raise that was left, with nothing to do: either it was carried out, or it never will be. */
function settle(world: World, action: Action, { change: { epoch = 0, step = '' } }: Request): World {
  const request = {
    take: null,
    expected: null,
    change: { by: 'rollout', epoch, step, commands: [] },
    licence: null,
  };
  return { ...world, pending: { action, request, answer: null, settles: true } };
}

function wentBack(plan: Plan, world: World, { result }: Answer): World {
  if (result.kind === 'refused')
    return dispatch(plan, world, { kind: 'superseded', reason: result.refusal.reason });
  const { percent, lanes, restoring } = result.view.state;
  if (percent !== 0 || (lanes.stable.release !== OLD && restoring !== OLD))
    throw new Error('a rollback was answered, and users are not on their way back');
  return dispatch(plan, world, { kind: 'rolledBack', verification: null, safeAfterMs: 0 });
}

/** Why users may come to the candidate now; null where nothing allows it. */
function licence({ rollout, ghost }: World, action: Action): string | null {
  if (rollout.held !== null || rollout.pausedSinceMs !== null) return null;
  if (action.do === 'promote') return ghost.licence;
  if (rollout.stage <= ghost.reached && ghost.resumed) return 'resumed';
  return ghost.reached < 0 ? 'first' : ghost.licence;
}

function noted(
  plan: Plan,
  { rollout: before, ghost }: World,
  after: RolloutState,
  event: RolloutEvent,
): Ghost {
  if (event.kind === 'fenced') return { ...ghost, acknowledged: event.interventions };
  if (
    (event.kind === 'changed' || event.kind === 'settled') &&
    before.phase === 'raise' &&
    after.phase !== 'raise'
  )
    return { ...ghost, licence: null, resumed: false };
  if (event.kind === 'message' && objection(plan, before, event.message.name) === null) {
    if (event.message.name === 'approve') return { ...ghost, licence: 'approved' };
    if (event.message.name === 'resume')
      return {
        ...ghost,
        resumed: true,
        acknowledged: before.interventionsSeen,
        // It is judged again, unless users have not been anywhere yet.
        licence: before.held === null ? ghost.licence : null,
      };
  }
  if (after.judgement === before.judgement || after.judgement === null) return ghost;
  return { ...ghost, licence: after.judgement.verdict === 'green' ? 'green' : null };
}

/** The guard runs exactly while there is something to watch, and again after each event. */
function followed(world: World): World {
  const { rollout, guard, guardSaw } = world;
  if (rollout.t0Ms === null || rollout.phase === 'rollback' || rollout.phase === 'done')
    return { ...world, guard: null, guardSaw: null };
  return guard === null && guardSaw === null ? { ...world, guard: rollout.interventionsSeen } : world;
}
