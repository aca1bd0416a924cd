import type { ControlView } from '../domain/control/state.ts';
import type { DriverEvent } from '../domain/rollout/driver.ts';
import type { Command } from '../domain/rollout/next-action.ts';
import type { Answer, World } from './world.ts';

/** Commands that a world answers. */
export type Call = Exclude<Command, { readonly do: 'wait' | 'rollback' | 'finish' }>;

/** The command as a call to the world, and its answer as an event. */
export function answerTo(world: World, command: Call): Answer<DriverEvent> {
  const at = (event: DriverEvent): Answer<DriverEvent> => ({ afterMs: 0, result: event });
  switch (command.do) {
    case 'preflight':
      return at({ kind: 'preflight', report: world.preflight() });
    case 'fence':
      return mapped(controlOf(world), ({ state: { epoch, interventions } }) => ({
        kind: 'fenced',
        epoch,
        interventions,
      }));
    case 'snapshot':
      return at({ kind: 'snapshot', result: world.snapshot() });
    case 'evaluate':
      return mapped(world.evaluate(command.name), (result) => ({ kind: 'evaluated', result }));
    case 'readFlags':
      return mapped(controlOf(world), (view) => ({ kind: 'looked', view }));
    case 'compare':
      return mapped(controlOf(world), (view) => ({ kind: 'compared', view }));
    case 'tune':
      return mapped(world.tune(), (result) => ({ kind: 'tuned', result }));
    case 'settle':
      return at({ kind: 'settled', result: world.settle(command.key) });
    case 'awaitSweep':
      return at({ kind: 'sweepEnded' });
    case 'load':
      return mapped(world.change(command), () => ({ kind: 'loaded', ready: true, reason: 'ready' }));
    default:
      return mapped(world.change(command), (result) => ({ kind: 'changed', result }));
  }
}

function controlOf(world: World): Answer<ControlView> {
  const view = world.control();
  return view === null
    ? { afterMs: 0, failed: 'the control listener does not answer' }
    : { afterMs: 0, result: view };
}

function mapped<T>(answer: Answer<T>, event: (result: T) => DriverEvent): Answer<DriverEvent> {
  return 'result' in answer ? { afterMs: answer.afterMs, result: event(answer.result) } : answer;
}
