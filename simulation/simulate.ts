/**
 * The entry of simulation/: a plan and a world in; commands, states and decisions out. Other programs may hold on to what this
 * file exports.
 *
 * `simulate` runs the product's own driver, state machine, gates and guard over a `World`, which stands for everything outside
 * them: the gateway's counters and control state, the labelled evaluation, and the answers to changes of traffic. Time is the
 * world's: it moves from one poll of the guard to the next, in ms since the simulation began. Nothing here draws a random number
 * or reads a clock, so that a run is as deterministic as its world.
 */
import { carriesState, guardStep, newGuard } from '../domain/guard/guard.ts';
import type { GuardEvent, GuardState } from '../domain/guard/state.ts';
import type { Plan } from '../domain/plan/plan.ts';
import type { DriverEvent, DriverState } from '../domain/rollout/driver.ts';
import { begin, interrupts, keepsCurrentAction, newDriver, take, triesOn } from '../domain/rollout/driver.ts';
import type { Command } from '../domain/rollout/next-action.ts';
import type { Message } from '../domain/rollout/operator-message.ts';
import type { Effect, Held, RolloutState } from '../domain/rollout/state.ts';
import { newRollout } from '../domain/rollout/state.ts';
import type { Call } from './answers.ts';
import { answerTo } from './answers.ts';
import type { Answer, World } from './world.ts';

export type { Answer, World };

/** Receives what happens in a simulated rollout, in order. */
export interface Observer {
  /** A command of the driver is due. */
  began?(nowMs: number, command: Command): void;
  /** An event was taken up; the effects hold decision records and notifications. */
  reduced?(
    nowMs: number,
    event: DriverEvent,
    before: RolloutState,
    after: RolloutState,
    effects: readonly Effect[],
  ): void;
  /** The guard has looked; `event` is what it reports, null for nothing. */
  polled?(nowMs: number, guard: GuardState, event: GuardEvent | null): void;
}

/** What a person does about a hold, and after how long; null: the simulation ends with it. */
export type Operator = (
  held: Held,
  asked: number,
) => { readonly afterMs: number; readonly message: Message } | null;

export interface SimulationOptions {
  /** Absent: nobody attends, and the first hold ends the simulation. */
  readonly operator?: Operator;
  readonly observer?: Observer;
}

export interface SimulatedEnd {
  /** An outcome, or `held` where a person would have had to decide. */
  readonly end: string;
  readonly reason: string;
  /** When, in ms since the start. */
  readonly endMs: number;
  /** When each percent was set, in ms since the start; the first is T0. */
  readonly raises: readonly { readonly percent: number; readonly atMs: number }[];
  /** How often the operator was asked and answered. */
  readonly resumed: number;
  /** The last state, with its timeline and the steps of remediation. */
  readonly state: RolloutState;
}

type Wait = Extract<Command, { readonly do: 'wait' }>;

/** A call that failed is made again after so long, as the activities' retry policy does. */
const RETRY_AFTER_MS = 30_000;

/** Runs one rollout to its end: an outcome, or a hold that no operator ends. */
export function simulate(plan: Plan, world: World, options: SimulationOptions = {}): SimulatedEnd {
  return new Simulation(plan, world, options).run();
}

class Simulation {
  private readonly plan: Plan;
  private readonly world: World;
  private readonly options: SimulationOptions;
  private nowMs = 0;
  private guard: GuardState = newGuard(0);
  private driver: DriverState;
  private resumed = 0;
  private readonly raises: { percent: number; atMs: number }[] = [];

  constructor(plan: Plan, world: World, options: SimulationOptions) {
    this.plan = plan;
    this.world = world;
    this.options = options;
    this.driver = newDriver(newRollout('retriever', world.candidate, 0));
  }

  run(): SimulatedEnd {
    for (;;) {
      const { driver, command } = begin(this.plan, this.driver, this.nowMs);
      const { held, outcome, outcomeReason, rollbackReason } = driver.rollout;
      if (command.do === 'finish') return this.ended(outcome ?? 'nothing', outcomeReason ?? '');
      if (command.do === 'rollback') return this.ended('rolledBack', rollbackReason ?? '');
      if (held !== null) {
        if (!this.attend(held)) return this.ended('held', held.reason);
        continue;
      }
      this.driver = driver;
      this.options.observer?.began?.(this.nowMs, command);
      if (command.do === 'wait') this.wait(command);
      else this.call(command);
    }
  }

  private get state(): RolloutState {
    return this.driver.rollout;
  }

  private dispatch(event: DriverEvent): void {
    const before = this.state;
    const { driver, effects } = take(this.plan, this.driver, event, this.nowMs);
    this.driver = driver;
    this.options.observer?.reduced?.(this.nowMs, event, before, this.state, effects);
  }

  /** Waits as the workflow does, with the guard's polls in between, and takes up its first event. */
  private wait({ untilMs, ends }: Wait): void {
    while (this.nowMs < (untilMs ?? 0)) {
      const event = this.tick(untilMs ?? 0);
      if (event !== null) return this.dispatch({ kind: 'guard', event });
    }
    this.dispatch({ kind: ends });
  }

  /** One poll of the guard, or the end of the wait where that comes first. */
  private tick(untilMs: number): GuardEvent | null {
    this.nowMs = Math.min(untilMs, this.nowMs + this.plan.guard.pollMs);
    this.world.advance(this.nowMs);
    const { t0Ms, report, epoch, interventions } = this.state;
    if (t0Ms === null) return null;
    const context = {
      plan: this.plan,
      epoch: epoch ?? 0,
      interventions,
      candidateQuality: report?.candidateQuality ?? null,
      stableQuality: report?.stableQuality ?? null,
    };
    const poll = { snapshot: this.world.snapshot(), control: this.world.control() };
    const step = guardStep(this.guard, poll, context, this.nowMs);
    this.guard = step.state;
    this.options.observer?.polled?.(this.nowMs, step.state, step.event);
    if (step.event !== null && !carriesState(step.event)) this.guard = newGuard(this.nowMs);
    return step.event;
  }

  private attend(held: Held): boolean {
    const answer = this.options.operator?.(held, this.resumed) ?? null;
    if (answer === null) return false;
    this.resumed++;
    const untilMs = this.nowMs + answer.afterMs;
    while (this.nowMs < untilMs && this.state.phase !== 'rollback') {
      const event = this.tick(untilMs);
      if (event !== null) this.dispatch({ kind: 'guard', event });
    }
    if (this.state.held !== null) this.dispatch({ kind: 'message', message: answer.message });
    return true;
  }

  /** Makes a call until it is answered, or something more urgent ends it. */
  private call(command: Call): void {
    for (;;) {
      const answer = answerTo(this.world, command);
      if (!this.elapse(answer.afterMs)) return;
      if ('result' in answer) return this.answered(command, answer.result);
      if (!triesOn(this.driver)) return this.dispatch({ kind: 'failed', reason: answer.failed });
      this.dispatch({ kind: 'late', what: command.do, reason: answer.failed });
      if (!this.elapse(RETRY_AFTER_MS)) return;
    }
  }

  private answered(command: Call, event: DriverEvent): void {
    if (command.do === 'raise' && event.kind === 'changed' && event.result.kind === 'done')
      this.raises.push({ percent: command.percent, atMs: this.nowMs });
    this.dispatch(event);
  }

  /** Time passes while a call is under way; false where the guard's report ends it. */
  private elapse(forMs: number): boolean {
    const untilMs = this.nowMs + forMs;
    while (this.nowMs < untilMs) {
      const event = this.tick(untilMs);
      if (event === null) continue;
      const goesOn =
        keepsCurrentAction(this.plan, this.driver, event, this.nowMs) ||
        !interrupts(this.driver, { guard: true, message: false, rollback: false });
      if (!goesOn) this.dispatch({ kind: 'interrupted' });
      this.dispatch({ kind: 'guard', event });
      if (!goesOn) return false;
    }
    return true;
  }

  private ended(end: string, reason: string): SimulatedEnd {
    const { nowMs: endMs, raises, resumed, state } = this;
    return { end, reason, endMs, raises, resumed, state };
  }
}
