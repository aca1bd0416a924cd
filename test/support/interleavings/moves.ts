import type { Plan } from '../../../domain/plan/plan.ts';
import { nextAction } from '../../../domain/rollout/next-action.ts';
import { MESSAGES } from '../../../domain/rollout/operator-commands.ts';
import type { Move } from './explore.ts';
import {
  byHand,
  command,
  deliver,
  deliverAndDie,
  letGo,
  loseLease,
  pass,
  restart,
  rollBack,
} from './gateway.ts';
import { traffic } from '../control-commands.ts';
import { evaluation, readings, report } from './readings.ts';
import { act, dispatch, guardSees, interrupt, say, takeAnswer } from './rollout.ts';
import type { World } from './world.ts';
import { harmName } from '../../../domain/guard/harm-detector.ts';
import { HARM, LATE_AT_MOST, OLD } from './world.ts';
import type { GuardEvent } from '../../../domain/guard/state.ts';

type Moves = Move<World>[];

/** Longer than an evaluation counts, and than any wait. */
const A_DAY_MS = 27 * 3_600_000;

/** All that can happen next. */
export function movesOf(plan: Plan, world: World): Moves {
  return [
    ...workflowMoves(plan, world),
    ...networkMoves(world),
    ...luckMoves(plan, world),
    ...guardMoves(plan, world),
    ...personMoves(plan, world),
    ...gatewayMoves(world),
    ...standAloneMoves(world),
  ];
}

function free(label: string, next: () => World): Move<World> {
  return { label, disturbs: false, next };
}

function disturbing(label: string, next: () => World): Move<World> {
  return { label, disturbs: true, next };
}

/** The loop of the workflow: one thing after the other. */
function workflowMoves(plan: Plan, world: World): Moves {
  const { pending, ended, guardSaw } = world;
  if (ended) {
    // Nobody renews a lease any more.
    return world.fence.lease === null
      ? []
      : [free('the lease runs out, after the end', () => loseLease(world))];
  }
  const moves: Moves = [];
  if (pending === null) {
    const action = nextAction(plan, world.rollout);
    moves.push(free(action.do === 'wait' ? `wait: ${action.why}` : action.do, () => act(plan, world)));
  } else if (pending.answer !== null) {
    moves.push(free(`${pending.action.do}: the answer`, () => takeAnswer(plan, world)));
  }
  if (guardSaw !== null && pending?.action.do !== 'rollback' && pending?.action.do !== 'finish')
    moves.push(
      free(`the rollout hears of it: ${guardSaw.kind}`, () =>
        dispatch(plan, { ...interrupt(world), guardSaw: null }, { kind: 'guard', event: guardSaw }),
      ),
    );
  return moves;
}

/** Requests arrive, or not, or later; answers are lost. */
function networkMoves(world: World): Moves {
  const { pending, late } = world;
  const moves: Moves = late.map((request, i) =>
    free(`a late ${request.take ?? 'change'} arrives`, () => {
      const { world: after } = deliver(world, request);
      return { ...after, late: after.late.filter((_, at) => at !== i) };
    }),
  );
  if (pending === null || pending.answer !== null) return moves;
  const { request, action } = pending;
  moves.push(
    free(`${action.do} arrives`, () => {
      const { world: after, answer } = deliver(world, request);
      return { ...after, pending: { ...pending, answer } };
    }),
    disturbing(`${action.do} arrives, its answer is lost`, () => deliver(world, request).world),
  );
  if (late.length < LATE_AT_MOST)
    moves.push(
      disturbing(`${action.do} is under way for long, and sent again`, () => ({
        ...world,
        late: [...late, letGo(world, request)],
      })),
    );
  if (request.change.commands[0]?.kind === 'promote')
    for (const killSwitch of [false, true])
      moves.push(
        disturbing(`the gateway dies in the middle of a promotion, kill switch ${killSwitch}`, () =>
          deliverAndDie(world, request, killSwitch),
        ),
      );
  return moves;
}

/** What is measured is not as one would like it. */
function luckMoves(plan: Plan, world: World): Moves {
  if (world.pending !== null || world.ended || world.left !== null) return [];
  const action = nextAction(plan, world.rollout);
  switch (action.do) {
    case 'preflight':
      return [
        disturbing('pre-flight is red', () =>
          dispatch(plan, world, { kind: 'preflight', report: report('red') }),
        ),
      ];
    case 'snapshot':
      return (['warn', 'hold', 'bad', 'idle', 'missing'] as const).map((luck) =>
        disturbing(`snapshot: ${luck}`, () =>
          dispatch(plan, world, { kind: 'snapshot', result: readings(world, luck) }),
        ),
      );
    case 'evaluate':
      return [0.35, 0.6, null].map((lost) =>
        disturbing(`evaluation: ${lost === null ? 'missing' : `${lost} lost`}`, () =>
          dispatch(plan, world, { kind: 'evaluated', result: evaluation(world, lost) }),
        ),
      );
    case 'wait':
      return [
        disturbing('a day goes by', () =>
          dispatch(plan, pass(world, Math.max(world.nowMs, action.untilMs ?? 0) + A_DAY_MS), {
            kind: 'time',
          }),
        ),
      ];
    default:
      return [];
  }
}

function guardMoves(plan: Plan, world: World): Moves {
  if (world.guard === null) return [];
  const sees = (event: GuardEvent): World => ({ ...world, guard: null, guardSaw: event });
  const seen = guardSees(plan, world);
  const reason = 'as the guard says';
  const events: readonly GuardEvent[] = [
    { kind: 'breach', trigger: 'gross errors', reason },
    { kind: 'breaching', trigger: 'gross errors', reason, stableToo: false },
    { kind: 'harm', trigger: harmName(HARM), reason },
    { kind: 'bothLanes', trigger: 'gross errors', reason },
    { kind: 'blind', reason },
    { kind: 'blindTooLong', reason },
  ];
  return [
    ...(seen === null ? [] : [free(`the guard sees: ${seen.kind}`, () => sees(seen))]),
    ...events.map((event) => disturbing(`the guard sees: ${event.kind}`, () => sees(event))),
  ];
}

/** Signals and a cancellation. While an activity runs, only a rollback and a cancellation are heard at once. */
function personMoves(plan: Plan, world: World): Moves {
  const { pending, ended, rollout } = world;
  if (ended || rollout.phase === 'done' || rollout.phase === 'rollback') return [];
  const heard = pending === null ? MESSAGES : (['rollback'] as const);
  return [
    ...heard.map((name) => disturbing(`signal ${name}`, () => say(plan, interrupt(world), name))),
    disturbing('the workflow is cancelled', () => dispatch(plan, interrupt(world), { kind: 'cancelled' })),
  ];
}

function gatewayMoves(world: World): Moves {
  const { fence, killSwitch, oldIsWarm } = world;
  const { restoring } = fence;
  const moves = [
    disturbing('the gateway restarts', () => restart(world, killSwitch)),
    disturbing(`the gateway restarts, kill switch ${!killSwitch}`, () => restart(world, !killSwitch)),
    disturbing('by hand: the rollback script', () =>
      rollBack(world, { key: `by hand ${fence.epoch}`, by: 'ann', to: OLD }),
    ),
    disturbing("the old release's lane dies", () => ({ ...world, oldIsWarm: false })),
  ];
  if (fence.lease !== null) moves.push(disturbing('the lease runs out', () => loseLease(world)));
  if (fence.percent > 2) moves.push(disturbing('by hand: 2 %', () => byHand(world, traffic(2))));
  if (restoring !== null)
    moves.push(
      free('the spare lane is ready', () => command(world, { kind: 'spareReady', release: restoring }, null)),
    );
  if (!oldIsWarm) moves.push(free("the old release's lane is back", () => ({ ...world, oldIsWarm: true })));
  return moves;
}

/** The workflow `rollback`: one call. */
function standAloneMoves(world: World): Moves {
  switch (world.standAlone) {
    case 'none':
      return [disturbing('the workflow rollback starts', () => ({ ...world, standAlone: 'begun' }))];
    case 'begun':
      return [
        free('the rollback takes users back', () => ({
          ...rollBack(world, { key: 'rollback/1', by: 'rollback', owner: 'rollback', to: OLD }),
          standAlone: 'ended',
        })),
      ];
    case 'ended':
      return [];
    default:
      return world.standAlone satisfies never;
  }
}
