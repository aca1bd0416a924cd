import type { Plan } from '../../plan/plan.ts';
import type { RolloutState } from '../state.ts';
import { nextRaiseMs, stageOf } from '../state.ts';
import { measuresOn } from '../phases.ts';

/** What a rollout waits for. */
export interface Waits {
  readonly for: string;
  /** Milliseconds since 1970; null where nobody can say how long it takes. */
  readonly untilMs: number | null;
}

/** What it waits for now, and until when; `plan` is null until it is loaded. */
export function waitsOf(plan: Plan | null, state: RolloutState): Waits {
  if (state.phase === 'done') return only(`nothing: it has ended: ${state.outcome}`);
  if (state.phase === 'rollback')
    return only(`users to be back on ${state.report?.stable ?? 'the release before'}, tried until they are`);
  if (plan === null) return only('the plan to be read');
  if (state.phase === 'withdrawTraffic') return inPhase(plan, state);
  if (state.pausedSinceMs !== null) return only('a person: resume ends the pause, rollback takes users back');
  if (state.held === null) return inPhase(plan, state);
  const person = 'a person: resume ends the hold, rollback takes users back';
  if (!measuresOn(plan, state)) return only(person);
  const meanwhile = inPhase(plan, state);
  return { for: `${person}; meanwhile: ${meanwhile.for}`, untilMs: meanwhile.untilMs };
}

/** Of a rollout that is neither paused nor held. */
function inPhase(plan: Plan, state: RolloutState): Waits {
  const { phase, candidate, waitUntilMs, move } = state;
  switch (phase) {
    case 'preflight':
      return only('the checks of pre-flight');
    case 'fence':
      return only("the gateway's epoch");
    case 'load':
      return only(`${candidate} to be loaded; refused where that takes over ${plan.loadWithinMs / 1000} s`);
    case 'baselineOpen':
    case 'baselineWait':
    case 'baselineClose':
      return {
        for: "stable's baseline, measured before the first user",
        untilMs: phase === 'baselineWait' ? waitUntilMs : null,
      };
    case 'raise':
      return only(`the gateway to give ${stageOf(plan, state).percent} % of users to ${candidate}`);
    case 'evaluateStart':
    case 'evaluateEnd':
      return only('an evaluation on labelled queries');
    case 'warmUp':
      return { for: 'caches to warm up, before a window opens', untilMs: waitUntilMs };
    case 'openWindow':
      return only('the counters, to open a window');
    case 'measuring':
      return { for: 'the window to close', untilMs: waitUntilMs };
    case 'closeWindow':
      return only('the counters, to judge the window');
    case 'readFlags':
      return only('the flags in force, to choose a step of the ladder');
    case 'applyRemediation':
      return only(
        move?.step === 'sweep' ? 'a sweep of nprobe' : `the gateway to take the step ${move?.step ?? ''}`,
      );
    case 'soak':
      return inDwell(plan, state);
    case 'withdrawTraffic':
      return only("the gateway to take the candidate's share to 0");
    case 'promote':
      return only(`the gateway to make ${candidate} stable`);
    case 'rollback':
    case 'done':
      return only('nothing');
    default:
      return phase satisfies never;
  }
}

function inDwell(plan: Plan, state: RolloutState): Waits {
  const next = plan.stages[state.stage + 1];
  if (next === undefined || state.waitUntilMs >= (nextRaiseMs(plan, state) ?? 0))
    return { for: `the raise to ${next?.percent ?? 100} %`, untilMs: state.waitUntilMs };
  return {
    for: `the last window before the raise to ${next.percent} %, which opens`,
    untilMs: state.waitUntilMs,
  };
}

function only(what: string): Waits {
  return { for: what, untilMs: null };
}
