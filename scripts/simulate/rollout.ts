import type { ControlView } from '../../domain/control.ts';
import type { PreflightReport } from '../../domain/contract.ts';
import { firstState } from '../../domain/fence.ts';
import { guardStep, newGuard } from '../../domain/guard.ts';
import type { Plan } from '../../domain/plan.ts';
import type { RolloutEvent } from '../../domain/rollout.ts';
import { reduce } from '../../domain/rollout.ts';
import type { Action } from '../../domain/rollout-action.ts';
import { nextAction } from '../../domain/rollout-action.ts';
import { newRollout } from '../../domain/rollout-state.ts';
import type { RolloutState } from '../../domain/rollout-state.ts';
import { seededRandom } from '../traffic/arrivals.ts';
import type { Behaviour } from './lanes.ts';
import { SimulatedLanes } from './lanes.ts';

export interface SimulatedEnd {
  /** An outcome, or `held` where a person would have been asked. */
  readonly end: string;
  readonly reason: string;
  /** From T0 to the end. */
  readonly tookMs: number;
}

const CANDIDATE = 'v-1 again';

/**
 * One rollout of a release that behaves as stable does, through the real domain code: its state machine, gates and
 * guard, on counters that are drawn. Deterministic for a seed. Ends at the first hold.
 */
export function simulateRollout(
  plan: Plan,
  behaviour: Behaviour,
  ratePerSecond: number,
  seed: number,
): SimulatedEnd {
  const lanes = new SimulatedLanes(behaviour, ratePerSecond, seededRandom(seed));
  let nowMs = 0;
  let guard = newGuard(0);
  let state = newRollout('retriever', CANDIDATE, 0);
  const dispatch = (event: RolloutEvent) => {
    state = reduce(plan, state, event, nowMs).state;
  };

  /** Waits as the workflow does, with the guard's polls in between. */
  const wait = (untilMs: number) => {
    while (nowMs < untilMs) {
      nowMs = Math.min(untilMs, nowMs + plan.guard.pollMs);
      lanes.advance(nowMs);
      if (state.t0Ms === null) continue;
      const poll = {
        snapshot: { kind: 'snapshot', snapshot: lanes.snapshot() } as const,
        control: view(state),
      };
      const quality = reportOf(behaviour);
      const context = {
        plan,
        epoch: 1,
        interventions: 0,
        candidateQuality: quality.candidateQuality,
        stableQuality: quality.stableQuality,
      };
      const step = guardStep(guard, poll, context, nowMs);
      guard = step.state;
      if (step.event === null) continue;
      dispatch({ kind: 'guard', event: step.event });
      return;
    }
    dispatch({ kind: 'time' });
  };

  for (;;) {
    const action = nextAction(plan, state);
    if (state.held !== null) return ended('held', state.held.reason, state, nowMs);
    if (action.do === 'finish')
      return ended(state.outcome ?? 'nothing', state.outcomeReason ?? '', state, nowMs);
    if (action.do === 'rollback') return ended('rolledBack', state.rollbackReason ?? '', state, nowMs);
    if (action.do === 'wait') {
      wait(action.untilMs ?? nowMs);
      continue;
    }
    if (action.do === 'raise') lanes.setPercent(action.percent, plan.shadowPercent ?? 0);
    dispatch(answer(action, lanes, behaviour, nowMs));
  }
}

function ended(end: string, reason: string, { t0Ms }: RolloutState, nowMs: number): SimulatedEnd {
  return { end, reason, tookMs: nowMs - (t0Ms ?? nowMs) };
}

/** What the world answers to an action, where nothing goes wrong. */
function answer(action: Action, lanes: SimulatedLanes, behaviour: Behaviour, nowMs: number): RolloutEvent {
  switch (action.do) {
    case 'preflight':
      return { kind: 'preflight', report: reportOf(behaviour) };
    case 'fence':
      return { kind: 'fenced', epoch: 1, interventions: 0 };
    case 'load':
      return { kind: 'loaded', ready: true, reason: 'ready' };
    case 'snapshot':
      return { kind: 'snapshot', result: { kind: 'snapshot', snapshot: lanes.snapshot() } };
    case 'evaluate':
      return { kind: 'evaluated', result: sameEvaluation(nowMs) };
    case 'look':
      // These lanes have no flags: a step of the ladder is where a person would be asked.
      return { kind: 'looked', view: view({ percent: lanes.snapshot().percent }) };
    case 'tune':
      return {
        kind: 'tuned',
        result: { outcome: 'hold', nprobe: null, reason: 'these lanes have no index' },
      };
    default:
      return {
        kind: 'changed',
        result: { kind: 'done', view: view({ percent: action.do === 'raise' ? action.percent : 0 }) },
      };
  }
}

/** The same release on the same queries: the same answers. */
function sameEvaluation(atMs: number) {
  const numbers = { rAt5: 0.63, mrr: 0.47, containAt50: 0.96 };
  const counts = { queries: 828, lostAt5: 0, gainedAt5: 0 };
  return {
    kind: 'evaluated',
    release: CANDIDATE,
    atMs,
    ...numbers,
    ...counts,
    expected: numbers,
    file: '',
  } as const;
}

function reportOf({ qualityShare }: Behaviour): PreflightReport {
  const quality = (release: string) => ({
    release,
    tau: 0.49,
    expectedShare: qualityShare,
    rAt5: 0.63,
    queries: 828,
  });
  return { checks: [], stable: 'v-1', candidateQuality: quality(CANDIDATE), stableQuality: quality('v-1') };
}

function view({ percent }: { percent: number }): ControlView {
  const state = { ...firstState({ release: 'v-1', flags: null }, 0), epoch: 1, percent };
  return {
    state,
    lanes: { stable: null, candidate: null, previous: null, spare: null },
    nowMs: 0,
    killSwitch: false,
  };
}
