import { guardStep, newGuard } from '../../../domain/guard/guard.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import type { Command, KeyedChange } from '../../../domain/rollout/next-action.ts';
import { nextAction } from '../../../domain/rollout/next-action.ts';
import type { DriverEvent } from '../../../domain/rollout/driver.ts';
import { begin, take } from '../../../domain/rollout/driver.ts';
import { rejectionReason } from '../../../domain/rollout/operator-commands.ts';
import type { MessageName } from '../../../domain/rollout/operator-message.ts';
import type { RolloutState } from '../../../domain/rollout/state.ts';
import { letGo, pass, seen, stepOf, view } from './gateway.ts';
import { evaluation, readings } from './readings.ts';
import { reportOf } from '../walk-reports.ts';
import type { Answer, Ghost, Request, World } from './world.ts';
import { LATE_AT_MOST, OLD } from './world.ts';
import type { GuardEvent } from '../../../domain/guard/state.ts';

/** An event taken up by the driver, as the workflow does it: state, then the guard that follows it, then the notes. */
export function dispatch(plan: Plan, before: World, event: DriverEvent): World {
  const { driver: after } = take(plan, before.driver, event, before.nowMs);
  // Nothing is decided by what has been said: a timeline only keeps equal states apart.
  const rollout: RolloutState = { ...after.rollout, timeline: [] };
  const ghost = noted(plan, before, rollout, event);
  return followed({ ...before, driver: { ...after, rollout }, ghost });
}

/** The world with the command that is due under way. */
export function begun(plan: Plan, before: World): { readonly world: World; readonly command: Command } {
  const { driver, command } = begin(plan, before.driver, before.nowMs);
  return { world: { ...before, driver }, command };
}

/** What becomes of the command that is due. */
export function act(plan: Plan, before: World): World {
  const { world, command } = begun(plan, before);
  switch (command.do) {
    case 'fence':
      return asking(
        world,
        command,
        request(world, { commands: [] }, { take: 'start', expected: seen(world) }),
      );
    case 'load':
    case 'withdrawTraffic':
    case 'applyRemediation':
      return asking(world, command, keyed(world, command, null));
    case 'raise':
    case 'promote':
      return asking(world, command, keyed(world, command, licence(world, command)));
    case 'settle':
      return asking(world, command, keyed(world, { key: command.key, change: { commands: [] } }, null));
    case 'wait':
      return waited(plan, before);
    case 'rollback':
      return world.driver.rollout.t0Ms === null
        ? dispatch(plan, world, { kind: 'rolledBack', verification: null, safeAfterMs: 0 })
        : asking(world, command, request(world, { commands: [] }, { take: 'rollback' }));
    case 'finish':
      return command.unload === null
        ? { ...world, ended: true, guard: null }
        : asking(world, command, keyed(world, command.unload, null));
    default:
      return dispatch(plan, world, answered(world, command));
  }
}

/** Commands that ask for no change: they are answered at once, since nothing that comes late of them does harm. */
type Question = Extract<
  Command,
  { readonly do: 'preflight' | 'snapshot' | 'evaluate' | 'readFlags' | 'compare' | 'tune' | 'awaitSweep' }
>;

/** The answer where nothing goes wrong. */
function answered(world: World, command: Question): DriverEvent {
  switch (command.do) {
    case 'preflight':
      return { kind: 'preflight', report: reportOf('pass') };
    case 'snapshot':
      return { kind: 'snapshot', result: readings(world, 'good') };
    case 'evaluate':
      return { kind: 'evaluated', result: evaluation(world, 0) };
    case 'readFlags':
      return { kind: 'looked', view: view(world) };
    case 'compare':
      return { kind: 'compared', view: view(world) };
    case 'tune':
      return { kind: 'tuned', result: { outcome: 'hold', nprobe: null, reason: 'no nprobe qualifies' } };
    case 'awaitSweep':
      return { kind: 'sweepEnded' };
    default:
      return command satisfies never;
  }
}

/** The end of the wait that is due. Reminders on the way go by: a person who is asked again decides no sooner. */
function waited(plan: Plan, before: World): World {
  const action = nextAction(plan, before.driver.rollout);
  // Only a message or the guard ends it.
  if (action.do !== 'wait' || action.untilMs === null) return before;
  const { world, command } = begun(plan, before);
  if (command.do !== 'wait') return before;
  const untilMs = Math.max(world.nowMs, command.untilMs ?? 0);
  const after = dispatch(plan, pass(world, untilMs), { kind: command.ends });
  return command.ends === 'remind' ? waited(plan, after) : after;
}

/** The answer has reached the workflow. */
export function takeAnswer(plan: Plan, before: World): World {
  const { asked } = before;
  if (asked === null || asked.answer === null) return before;
  const { command, answer } = asked;
  const world = { ...before, asked: null };
  const { result } = answer;
  switch (command.do) {
    case 'settle':
      return dispatch(plan, world, { kind: 'settled', result });
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
        result.kind === 'refused' ? { kind: 'changed', result } : { kind: 'loaded', ready: true, reason: '' },
      );
    case 'rollback':
      return wentBack(plan, world, answer);
    case 'finish':
      return { ...world, ended: true };
    default:
      return dispatch(plan, world, { kind: 'changed', result });
  }
}

/** What is under way is left for something more urgent; it may arrive all the same. */
export function interrupt(plan: Plan, before: World): World {
  const { asked, late } = before;
  if (asked === null) return before;
  const isLate = asked.answer === null && asked.command.do !== 'settle' && late.length < LATE_AT_MOST;
  const left = isLate ? [...late, letGo(before, asked.request)] : late;
  return dispatch(plan, { ...before, asked: null, late: left }, { kind: 'interrupted' });
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
    epoch: world.driver.rollout.epoch ?? 0,
    interventions: world.guard,
    candidateQuality: null,
    stableQuality: null,
  };
  return guardStep(newGuard(world.nowMs), poll, context, world.nowMs).event;
}

function asking(world: World, command: Command, asks: Request): World {
  return { ...world, asked: { command, request: asks, answer: null } };
}

function keyed(world: World, { key, change }: KeyedChange, allowed: string | null): Request {
  return { ...request(world, change, { step: stepOf(key) }), licence: allowed };
}

function request(
  { driver }: World,
  change: KeyedChange['change'],
  {
    step = '',
    take: of = null,
    expected = null,
  }: { readonly step?: string } & Partial<Pick<Request, 'take' | 'expected'>>,
): Request {
  const body = { by: 'rollout', epoch: driver.rollout.epoch ?? 0, step, ...change };
  return { take: of, expected, change: body, licence: null };
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
function licence({ driver: { rollout }, ghost }: World, command: Command): string | null {
  if (rollout.held !== null || rollout.pausedSinceMs !== null) return null;
  if (command.do === 'promote') return ghost.licence;
  if (rollout.stage <= ghost.reached && ghost.resumed) return 'resumed';
  return ghost.reached < 0 ? 'first' : ghost.licence;
}

function noted(
  plan: Plan,
  { driver: { rollout: before }, ghost }: World,
  after: RolloutState,
  event: DriverEvent,
): Ghost {
  if (event.kind === 'fenced') return { ...ghost, acknowledged: event.interventions };
  if (
    (event.kind === 'changed' || event.kind === 'settled') &&
    before.phase === 'raise' &&
    after.phase !== 'raise'
  )
    return { ...ghost, licence: null, resumed: false };
  if (event.kind === 'message' && rejectionReason(plan, before, event.message.name) === null) {
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
  return { ...ghost, licence: after.judgement.verdict === 'pass' ? 'pass' : null };
}

/** The guard runs exactly while there is something to watch, and again after each event. */
function followed(world: World): World {
  const { guard, guardSaw } = world;
  const { rollout } = world.driver;
  if (rollout.t0Ms === null || rollout.phase === 'rollback' || rollout.phase === 'done')
    return { ...world, guard: null, guardSaw: null };
  return guard === null && guardSaw === null ? { ...world, guard: rollout.interventionsSeen } : world;
}
