import type { ControlView } from '../domain/control/state.ts';
import { firstState } from '../domain/control/apply-command.ts';
import { carriesState, guardStep, newGuard } from '../domain/guard/guard.ts';
import type { Plan } from '../domain/plan/plan.ts';
import type { Command } from '../domain/rollout/next-action.ts';
import type { DriverEvent, DriverState } from '../domain/rollout/driver.ts';
import { begin, newDriver, take } from '../domain/rollout/driver.ts';
import { newRollout } from '../domain/rollout/state.ts';
import type { RolloutState } from '../domain/rollout/state.ts';
import { binomial } from './draws.ts';
import { SimulatedLanes } from './lanes.ts';
import type { World } from './world.ts';
import type { PreflightReport } from '../domain/preflight/report.ts';
import type { GuardEvent, GuardState } from '../domain/guard/state.ts';
import type { RolloutEvent } from '../domain/rollout/events.ts';

export interface SimulatedEnd {
  /** An outcome, or `held` where a person would have had to decide. */
  readonly end: string;
  readonly reason: string;
  /** When, in ms since the start. */
  readonly endMs: number;
  /** When each percent was set, in ms since the start; the first is T0. */
  readonly raises: readonly { readonly percent: number; readonly atMs: number }[];
  /** How often the simulated operator resumed a rollout after a gap or an incident of both lanes. */
  readonly resumed: number;
}

type Wait = Extract<Command, { readonly do: 'wait' }>;
type Call = Exclude<Command, { readonly do: 'wait' | 'rollback' | 'finish' }>;

const RELEASES = { stable: 'v-1', candidate: 'v0' };
/** Labelled queries of an evaluation, and how many of them fall otherwise for no reason. */
const QUERIES = 828;
const NOISE = 0.004;
/** The simulated operator resumes what was held for want of data, or for an incident of both lanes, after so long, and no more often. */
const RESUMES_AFTER_MS = 30 * 60_000;
const RESUMES_AT_MOST = 6;

/** What a simulated rollout says of itself as it goes. */
export interface Observer {
  /** An event was taken up. */
  reduced(nowMs: number, event: DriverEvent, before: RolloutState, after: RolloutState): void;
  /** The guard has looked; `event` is what it reports, null for nothing. */
  polled(nowMs: number, guard: GuardState, event: GuardEvent | null): void;
}

/**
 * One rollout in a world, through the real domain code: its state machine, gates and guard, on counters that are drawn.
 * Deterministic for a world and a `random`. Ends at the first hold that asks for a judgement.
 */
export function simulateRollout(
  plan: Plan,
  world: World,
  random: () => number,
  observer: Observer | null = null,
): SimulatedEnd {
  return new SimulatedRollout(plan, world, random, observer).run();
}

class SimulatedRollout {
  private readonly plan: Plan;
  private readonly world: World;
  private readonly random: () => number;
  private readonly lanes: SimulatedLanes;
  private nowMs = 0;
  private guard: GuardState = newGuard(0);
  private driver: DriverState = newDriver(newRollout('retriever', RELEASES.candidate, 0));
  private resumed = 0;
  private readonly raises: { percent: number; atMs: number }[] = [];
  private readonly observer: Observer | null;

  constructor(plan: Plan, world: World, random: () => number, observer: Observer | null) {
    this.observer = observer;
    this.plan = plan;
    this.world = world;
    this.random = random;
    this.lanes = new SimulatedLanes(world, RELEASES, random);
  }

  run(): SimulatedEnd {
    for (;;) {
      const { driver, command } = begin(this.plan, this.driver, this.nowMs);
      const { held, outcome, outcomeReason, rollbackReason } = driver.rollout;
      if (command.do === 'finish') return this.ended(outcome ?? 'nothing', outcomeReason ?? '');
      if (command.do === 'rollback') return this.ended('rolledBack', rollbackReason ?? '');
      if (held !== null && !this.mayResume(held.why)) return this.ended('held', held.reason);
      if (held !== null) {
        this.resume();
        continue;
      }
      this.driver = driver;
      if (command.do === 'wait') this.wait(command);
      else this.act(command);
    }
  }

  private get state(): RolloutState {
    return this.driver.rollout;
  }

  private dispatch(event: DriverEvent): void {
    const before = this.state;
    this.driver = take(this.plan, this.driver, event, this.nowMs).driver;
    this.observer?.reduced(this.nowMs, event, before, this.state);
  }

  private act(command: Call): void {
    if (command.do === 'raise') {
      this.lanes.setPercent(command.percent, this.plan.shadowPercent ?? 0);
      this.raises.push({ percent: command.percent, atMs: this.nowMs });
    }
    this.dispatch(this.answer(command));
  }

  /** Waits as the workflow does, with the guard's polls in between, and takes up its first event. */
  private wait({ untilMs, ends }: Wait): void {
    while (this.nowMs < (untilMs ?? 0)) if (this.tick(untilMs ?? 0)) return;
    this.dispatch({ kind: ends });
  }

  private tick(untilMs: number): boolean {
    this.nowMs = Math.min(untilMs, this.nowMs + this.plan.guard.pollMs);
    this.lanes.advance(this.nowMs);
    if (this.state.t0Ms === null) return false;
    const { candidateQuality, stableQuality } = this.report();
    const context = { plan: this.plan, epoch: 1, interventions: 0, candidateQuality, stableQuality };
    const poll = { snapshot: this.lanes.snapshot(), control: view(this.state.percent) };
    const step = guardStep(this.guard, poll, context, this.nowMs);
    this.guard = step.state;
    this.observer?.polled(this.nowMs, step.state, step.event);
    if (step.event === null) return false;
    if (!carriesState(step.event)) this.guard = newGuard(this.nowMs);
    this.dispatch({ kind: 'guard', event: step.event });
    return true;
  }

  private mayResume(why: string): boolean {
    return (why === 'noTelemetry' || why === 'baselineAlsoFailing') && this.resumed < RESUMES_AT_MOST;
  }

  private resume(): void {
    this.resumed++;
    const untilMs = this.nowMs + RESUMES_AFTER_MS;
    while (this.nowMs < untilMs && this.state.phase !== 'rollback') this.tick(untilMs);
    if (this.state.held !== null)
      this.dispatch({ kind: 'message', message: { name: 'resume', reason: null, by: 'operator' } });
  }

  /** What the world answers to an action, where nothing goes wrong. */
  private answer(command: Call): DriverEvent {
    switch (command.do) {
      case 'preflight':
        return { kind: 'preflight', report: this.report() };
      case 'fence':
        return { kind: 'fenced', epoch: 1, interventions: 0 };
      case 'load':
        return { kind: 'loaded', ready: true, reason: 'ready' };
      case 'snapshot':
        return { kind: 'snapshot', result: this.lanes.snapshot() };
      case 'evaluate':
        return this.evaluated();
      case 'look':
        // These lanes have no flags: a step of the ladder is where a person is asked.
        return { kind: 'looked', view: view(this.state.percent) };
      case 'tune':
        return { kind: 'tuned', result: { outcome: 'hold', nprobe: null, reason: 'no index to sweep' } };
      case 'compare':
        return { kind: 'compared', view: view(this.state.percent) };
      case 'settle':
        return { kind: 'settled', result: { kind: 'done', view: view(this.state.percent) } };
      case 'awaitSweep':
        return { kind: 'sweepEnded' };
      default: {
        const percent = command.do === 'raise' ? command.percent : command.do === 'promote' ? 100 : 0;
        const stable = command.do === 'promote' ? RELEASES.candidate : RELEASES.stable;
        return { kind: 'changed', result: { kind: 'done', view: view(percent, stable) } };
      }
    }
  }

  private evaluated(): RolloutEvent {
    const drop = this.world.rAt5Drop(this.nowMs, this.state.percent);
    const lost = binomial(QUERIES, Math.min(1, NOISE + Math.max(0, drop)), this.random);
    const gained = binomial(QUERIES, Math.min(1, NOISE + Math.max(0, -drop)), this.random);
    const expected = { rAt5: 0.63, mrr: 0.47, containAt50: 0.96 };
    return {
      kind: 'evaluated',
      result: {
        kind: 'evaluated',
        release: RELEASES.candidate,
        atMs: this.nowMs,
        queries: QUERIES,
        ...expected,
        rAt5: expected.rAt5 - (lost - gained) / QUERIES,
        expected,
        lostAt5: lost,
        gainedAt5: gained,
        file: '',
      },
    };
  }

  private report(): PreflightReport {
    const { expectedShare } = this.world;
    const quality = (release: string) => ({
      release,
      tau: 0.49,
      expectedShare,
      rAt5: 0.63,
      queries: QUERIES,
    });
    return {
      checks: [],
      stable: RELEASES.stable,
      candidateQuality: quality(RELEASES.candidate),
      stableQuality: quality(RELEASES.stable),
    };
  }

  private ended(end: string, reason: string): SimulatedEnd {
    return { end, reason, endMs: this.nowMs, raises: this.raises, resumed: this.resumed };
  }
}

function view(percent: number, stable = RELEASES.stable): ControlView {
  const state = { ...firstState({ release: stable, flags: null }, 0), epoch: 1, percent };
  const lanes = { stable: null, candidate: null, previous: null, spare: null };
  return { state, lanes, nowMs: 0, killSwitch: false };
}
