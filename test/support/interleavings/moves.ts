import type { Plan } from '../../../domain/plan/plan.ts';
import { begin, interrupts, keepsCurrentAction } from '../../../domain/rollout/driver.ts';
import type { MessageName } from '../../../domain/rollout/operator-message.ts';
import { MESSAGES } from '../../../domain/rollout/operator-message.ts';
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
import { evaluation, readings } from './readings.ts';
import { reportOf } from '../walk-reports.ts';
import { act, begun, dispatch, guardSees, interrupt, say, takeAnswer } from './rollout.ts';
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
  const { asked, ended, guardSaw } = world;
  if (ended) {
    // Nobody renews a lease any more.
    return world.fence.lease === null
      ? []
      : [free('the lease runs out, after the end', () => loseLease(world))];
  }
  const moves: Moves = [];
  if (asked === null) {
    const { command: due } = begin(plan, world.driver, world.nowMs);
    moves.push(free(due.do === 'wait' ? `wait: ${due.why}` : due.do, () => act(plan, world)));
  } else if (asked.answer !== null) {
    moves.push(free(`${asked.command.do}: the answer`, () => takeAnswer(plan, world)));
  }
  return guardSaw === null ? moves : [...moves, ...guardHeardMoves(plan, world, guardSaw)];
}

/** What the guard saw is taken up beside what is being done, or interrupts that, or waits for its end. */
function guardHeardMoves(plan: Plan, world: World, seen: GuardEvent): Moves {
  const isBeside = keepsCurrentAction(plan, world.driver, seen, world.nowMs);
  const heard = { guard: true, message: false, rollback: false };
  if (world.asked !== null && !isBeside && !interrupts(world.driver, heard)) return [];
  return [
    free(`the rollout hears of it: ${seen.kind}`, () => {
      const at = isBeside ? world : interrupt(plan, world);
      return dispatch(plan, { ...at, guardSaw: null }, { kind: 'guard', event: seen });
    }),
  ];
}

/** Requests arrive, or not, or later; answers are lost. */
function networkMoves(world: World): Moves {
  const { asked, late } = world;
  const moves: Moves = late.map((request, i) =>
    free(`a late ${request.take ?? 'change'} arrives`, () => {
      const { world: after } = deliver(world, request);
      return { ...after, late: after.late.filter((_, at) => at !== i) };
    }),
  );
  if (asked === null || asked.answer !== null) return moves;
  const { request, command: doing } = asked;
  moves.push(
    free(`${doing.do} arrives`, () => {
      const { world: after, answer } = deliver(world, request);
      return { ...after, asked: { ...asked, answer } };
    }),
    disturbing(`${doing.do} arrives, its answer is lost`, () => deliver(world, request).world),
  );
  if (late.length < LATE_AT_MOST)
    moves.push(
      disturbing(`${doing.do} is under way for long, and sent again`, () => ({
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
  if (world.asked !== null || world.ended) return [];
  const { world: at, command: due } = begun(plan, world);
  switch (due.do) {
    case 'preflight':
      return [
        disturbing('pre-flight fails', () =>
          dispatch(plan, at, { kind: 'preflight', report: reportOf('fail') }),
        ),
      ];
    case 'snapshot':
      return (['warn', 'hold', 'bad', 'idle', 'missing'] as const).map((luck) =>
        disturbing(`snapshot: ${luck}`, () =>
          dispatch(plan, at, { kind: 'snapshot', result: readings(at, luck) }),
        ),
      );
    case 'evaluate':
      return [0.35, 0.6, null].map((lost) =>
        disturbing(`evaluation: ${lost === null ? 'missing' : `${lost} lost`}`, () =>
          dispatch(plan, at, { kind: 'evaluated', result: evaluation(at, lost) }),
        ),
      );
    case 'wait':
      return [
        disturbing('a day goes by', () =>
          dispatch(plan, pass(at, Math.max(at.nowMs, due.untilMs ?? 0) + A_DAY_MS), { kind: due.ends }),
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
    { kind: 'baselineAlsoFailing', trigger: 'gross errors', reason },
    { kind: 'noTelemetry', reason },
    { kind: 'noTelemetryTimeout', reason },
  ];
  return [
    ...(seen === null ? [] : [free(`the guard sees: ${seen.kind}`, () => sees(seen))]),
    ...events.map((event) => disturbing(`the guard sees: ${event.kind}`, () => sees(event))),
  ];
}

/** Signals and a cancellation. While an activity runs, only what interrupts it is heard at once. */
function personMoves(plan: Plan, world: World): Moves {
  const { asked, ended, driver } = world;
  const { phase } = driver.rollout;
  if (ended || phase === 'done' || phase === 'rollback') return [];
  const isHeard = (name: MessageName) =>
    asked === null || interrupts(driver, { guard: false, message: true, rollback: name === 'rollback' });
  return [
    ...MESSAGES.filter(isHeard).map((name) =>
      disturbing(`signal ${name}`, () => say(plan, interrupt(plan, world), name)),
    ),
    disturbing('the workflow is cancelled', () =>
      dispatch(plan, interrupt(plan, world), { kind: 'cancelled' }),
    ),
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
