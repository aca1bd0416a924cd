import type { Plan } from '../plan/plan.ts';
import type { Action } from './action.ts';
import type { RolloutEvent } from './events.ts';
import type { Phase, RolloutState } from './state.ts';
import { stageOf } from './state.ts';

/** Events that answer what a phase does; all others come by themselves, and count in any phase. */
const ANSWERS = [
  'preflight',
  'fenced',
  'loaded',
  'snapshot',
  'evaluated',
  'changed',
  'looked',
  'tuned',
  'time',
  'rolledBack',
] as const satisfies readonly RolloutEvent['kind'][];
type Answer = (typeof ANSWERS)[number];

/** All that a phase decides by being the one under way. A state machine's other rules ask this table, and no name of a phase. */
interface PhaseRules {
  /** For the status, behind the stage's name. */
  readonly label: string;
  /** What is done, where nothing stops it. */
  readonly action: (plan: Plan, state: RolloutState) => Action;
  /** The events that count as its answer. */
  readonly answeredBy: readonly Answer[];
  /** What goes on while it is held: nothing; measuring, where the candidate has its share (a pause stops that as well); or all, whatever stops a rollout. */
  readonly goesOn: 'never' | 'whileHeld' | 'always';
  /** A hold leaves it where it is, or ends it: what follows begins with a measurement. */
  readonly onHold: 'stays' | 'measures';
  /** The end of a hold or pause leaves it where it is, or begins with a fresh window. */
  readonly onResume: 'stays' | 'measures';
  /** Whether the guard's proof of harm may begin a remediation, or one is under way already. */
  readonly remediation: 'none' | 'possible' | 'underWay';
  /** Nothing interrupts it, no message and no event of the guard changes it. */
  readonly isFinal: boolean;
}

const BASE = {
  goesOn: 'never',
  onHold: 'stays',
  onResume: 'stays',
  remediation: 'none',
  isFinal: false,
} as const satisfies Partial<PhaseRules>;

/** Of a stage with its share. */
const MEASURING = { ...BASE, goesOn: 'whileHeld', onResume: 'measures', remediation: 'possible' } as const;
const REMEDIATION = { ...BASE, onHold: 'measures', onResume: 'measures', remediation: 'underWay' } as const;
const SNAPSHOT = { action: (): Action => ({ do: 'snapshot' }), answeredBy: ['snapshot'] } as const;
const EVALUATION = { label: 'evaluating', action: evaluate, answeredBy: ['evaluated'] } as const;

export const PHASES: Readonly<Record<Phase, PhaseRules>> = {
  preflight: { ...BASE, label: 'pre-flight', action: only('preflight'), answeredBy: ['preflight'] },
  fence: { ...BASE, label: 'taking the epoch', action: only('fence'), answeredBy: ['fenced'] },
  load: { ...BASE, label: 'loading the candidate', action: only('load'), answeredBy: ['loaded', 'changed'] },
  baselineOpen: { ...BASE, label: 'baseline', ...SNAPSHOT },
  baselineWait: {
    ...BASE,
    label: 'baseline',
    action: (_, state) => wait(state, 'stable alone is measured before T0'),
    answeredBy: ['time'],
  },
  baselineClose: { ...BASE, label: 'baseline', ...SNAPSHOT },
  raise: {
    ...BASE,
    label: 'raising',
    action: (plan, state) => ({ do: 'raise', percent: stageOf(plan, state).percent }),
    answeredBy: ['changed'],
  },
  evaluateStart: { ...MEASURING, ...EVALUATION, onResume: 'stays' },
  warmUp: {
    ...MEASURING,
    onResume: 'stays',
    label: 'warming up',
    action: (plan, state) => wait(state, `${stageOf(plan, state).name}: caches warm up`),
    answeredBy: ['time'],
  },
  openWindow: { ...MEASURING, label: 'measuring', ...SNAPSHOT },
  measuring: {
    ...MEASURING,
    label: 'measuring',
    action: (plan, state) => wait(state, `${stageOf(plan, state).name}: measuring for the decision`),
    answeredBy: ['time'],
  },
  closeWindow: { ...MEASURING, label: 'judging', ...SNAPSHOT },
  evaluateEnd: { ...MEASURING, ...EVALUATION },
  readFlags: {
    ...REMEDIATION,
    label: 'choosing a remediation',
    action: only('readFlags'),
    answeredBy: ['looked'],
  },
  applyRemediation: {
    ...REMEDIATION,
    label: 'applying a remediation',
    action: remediate,
    answeredBy: ['changed', 'tuned', 'looked'],
  },
  soak: {
    ...BASE,
    onHold: 'measures',
    remediation: 'possible',
    label: 'waiting for the next raise',
    action: (plan, state) => wait(state, `${stageOf(plan, state).name}: until the next raise`),
    answeredBy: ['time'],
  },
  withdrawTraffic: {
    ...BASE,
    goesOn: 'always',
    label: 'taking the share to 0',
    action: (_, { held }) => ({
      do: 'withdrawTraffic',
      reason: held?.reason ?? 'the guard has no telemetry',
    }),
    answeredBy: ['changed'],
  },
  promote: {
    ...BASE,
    onHold: 'measures',
    label: 'promoting',
    action: only('promote'),
    answeredBy: ['changed'],
  },
  rollback: {
    ...BASE,
    goesOn: 'always',
    isFinal: true,
    label: 'rolling back',
    action: only('rollback'),
    answeredBy: ['rolledBack'],
  },
  done: { ...BASE, goesOn: 'always', isFinal: true, label: 'done', action: only('finish'), answeredBy: [] },
};

/** Whether an event counts in a phase: an answer to something else says nothing of what is done now. */
export function counts(phase: Phase, { kind }: RolloutEvent): boolean {
  const isAnswer = (of: string): of is Answer => ANSWERS.some((answer) => answer === of);
  return !isAnswer(kind) || PHASES[phase].answeredBy.includes(kind);
}

/** Held, but with its share: windows go on, so that an operator sees what is the case now. */
export function measuresOn(plan: Plan, state: RolloutState): boolean {
  return (
    PHASES[state.phase].goesOn === 'whileHeld' &&
    state.t0Ms !== null &&
    state.percent === stageOf(plan, state).percent
  );
}

function only(name: 'preflight' | 'fence' | 'load' | 'readFlags' | 'promote' | 'rollback' | 'finish') {
  return (): Action => ({ do: name });
}

function wait({ waitUntilMs }: RolloutState, why: string): Action {
  return { do: 'wait', untilMs: waitUntilMs, why };
}

function evaluate(plan: Plan, state: RolloutState): Action {
  const isLast = stageOf(plan, state).evaluate === 'end';
  return { do: 'evaluate', name: `${isLast ? 'post_rollout' : 'nightly'}_${state.candidate}` };
}

function remediate(_: Plan, { move }: RolloutState): Action {
  // There is no such phase without a remediation; the flags in force say again what is to be done.
  if (move === null) return { do: 'readFlags' };
  return move.step === 'sweep'
    ? { do: 'tune' }
    : { do: 'applyRemediation', flags: move.to, reason: move.because };
}
