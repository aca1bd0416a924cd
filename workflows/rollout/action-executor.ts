import { condition, log } from '@temporalio/workflow';
import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import type { ControlChange, LoadLane } from '../../domain/control/change.ts';
import type { ControlView } from '../../domain/control/state.ts';
import type { NprobeTuningResult } from '../../domain/tuning/input.ts';
import type { Plan } from '../../domain/plan/plan.ts';
import type { Action } from '../../domain/rollout/next-action.ts';
import type { RolloutState } from '../../domain/rollout/state.ts';
import { activities, briefly, permanentReason } from '../runtime/activities.ts';
import { identity } from '../runtime/identity.ts';
import { tuned } from './ladder-sweep.ts';
import { takeBack } from '../rollback/roll-back.ts';
import type { ChangeResult } from '../../domain/control/change-result.ts';
import type { RolloutEvent } from '../../domain/rollout/events.ts';

/** A change of the traffic, before it gets the epoch and the key of its step. */
type StepOfRollout = Pick<ControlChange, 'commands' | 'reason'> & { readonly interventions?: number };

const ALL_TO_STABLE = { kind: 'setTraffic', percent: 0 } as const;

function loading(release: string | null): LoadLane {
  return { kind: 'loadLane', lane: 'candidate', release };
}

/** Who hears that something does not get through. */
interface LateCalls {
  /** A rollback, again and again. */
  rollback(reason: string): void;
  /** Any other call, once for each round of attempts; false: it is given up, and fails. */
  call(what: string, reason: string): boolean;
}

/** Carries out a rollout's actions: one call of the outside each, and the event that comes of it. */
export class RolloutTraffic {
  private readonly owner: string;
  private readonly late: LateCalls;
  private readonly calls: RolloutActivities;
  /** A rollback says by itself that it does not get through, with what its calls last failed with. */
  private takingBack = false;
  private cause: string | null = null;
  /** A step's number and time are its idempotency key: the same call again answers as it did, a new raise is a new step, also after a reset. */
  private steps: number;
  /** The raise, step of the ladder or promotion whose answer is not there: it may be carried out now, later, or never. */
  private unanswered: string | null = null;
  /** One that was left still takes back what it changed. */
  private sweeping = false;

  /** `steps` were taken by runs before. */
  constructor({ service }: RolloutState, late: LateCalls, steps: number) {
    this.late = late;
    this.steps = steps;
    this.calls = activities((what, reason) => this.isPatient(what, reason));
    this.owner = `rollout/${service}/${identity().runId}`;
  }

  /** Something is under way that the next run would not know of. */
  isBusy(): boolean {
    return this.unanswered !== null || this.sweeping;
  }

  stepsTaken(): number {
    return this.steps;
  }

  /** What came of the action. What no retry can mend is an event too, and never the end of the workflow. */
  async perform(plan: Plan, state: RolloutState, action: Action): Promise<RolloutEvent | null> {
    try {
      return await this.attempt(plan, state, action);
    } catch (error) {
      const reason = `${action.do}: ${permanentReason(error)}`;
      if (action.do === 'snapshot') return { kind: 'snapshot', result: { kind: 'missing', reason } };
      if (action.do === 'evaluate') return { kind: 'evaluated', result: { kind: 'missing', reason } };
      return { kind: 'failed', reason };
    }
  }

  private async attempt(plan: Plan, state: RolloutState, action: Action): Promise<RolloutEvent | null> {
    const { calls } = this;
    const { candidate, service } = state;
    switch (action.do) {
      case 'preflight':
        return { kind: 'preflight', report: await calls.preflight({ service, candidate, plan }) };
      case 'fence':
        return this.fence();
      case 'load':
        return this.load(plan, state);
      case 'snapshot':
        return { kind: 'snapshot', result: await calls.snapshot() };
      case 'evaluate':
        return {
          kind: 'evaluated',
          result: await calls.evaluate({ lane: 'candidate', release: candidate, name: action.name }),
        };
      case 'raise': {
        const { leaseTtlMs, onLeaseExpiry } = plan.guard;
        const lease = { ttlMs: leaseTtlMs, onExpiry: onLeaseExpiry };
        const { percent } = action;
        const shadow = plan.shadowPercent === null ? {} : { shadowPercent: plan.shadowPercent };
        const raise = { kind: 'setTraffic', percent, lease, ...shadow } as const;
        return this.askOnce(state, { commands: [raise], interventions: state.interventions });
      }
      case 'zero':
        return {
          kind: 'changed',
          result: await this.change(state.epoch, { commands: [ALL_TO_STABLE], reason: action.reason }),
        };
      case 'look':
        await this.sweepEnded();
        return { kind: 'looked', view: await calls.control() };
      case 'step': {
        const { flags, reason } = action;
        const { interventions } = state;
        return this.askOnce(state, {
          commands: [{ kind: 'setFlags', lane: 'candidate', flags }],
          interventions,
          reason,
        });
      }
      case 'tune':
        return { kind: 'tuned', result: await this.sweep(state) };
      case 'promote':
        return this.askOnce(state, { commands: [{ kind: 'promote', previousForMs: plan.keepPreviousMs }] });
      case 'rollback':
        return this.takeBack(state);
      case 'wait':
      case 'finish':
        return null;
      default:
        return action satisfies never;
    }
  }

  private isPatient(what: string, reason: string): boolean {
    if (!this.takingBack) return this.late.call(what, reason);
    this.cause = `${what}: ${reason}`;
    return true;
  }

  /** Users back to the old release; before T0 there is nothing to undo but the loaded lane. */
  async takeBack(state: RolloutState): Promise<RolloutEvent> {
    if (state.t0Ms === null && !(await this.hasUsers(state)))
      return { kind: 'rolledBack', verification: null, safeAfterMs: 0 };
    const reason = state.rollbackReason ?? 'rollback';
    const { owner, late } = this;
    const triggeredMs = state.triggeredMs ?? Date.now();
    const key = `${owner}/rollback/${triggeredMs}`;
    const run = { owner, key, by: owner, reason, late: late.rollback, cause: () => this.cause };
    this.takingBack = true;
    const result = await takeBack(this.calls, run, state.report?.stable ?? null, triggeredMs);
    // What came since the last window counts too.
    return { ...result, last: await this.calls.snapshot(), kind: 'rolledBack' };
  }

  /**
   * Whether the candidate has users although this run gave it none: a raise that was interrupted got through, or the run was reset to
   * before T0. False where the gateway does not say: what happens before T0 needs no gateway to end.
   */
  private async hasUsers({ candidate, report }: RolloutState): Promise<boolean> {
    const view = await briefly()
      .control()
      .catch((error: unknown) => {
        log.warn(`whether ${candidate} has users is not known: ${permanentReason(error)}`);
        return null;
      });
    if (view === null || view.state.owner !== this.owner) return false;
    const { percent, lanes } = view.state;
    return percent > 0 || (lanes.stable.release === candidate && report?.stable !== candidate);
  }

  /** What is in force, where it may not be what is known. */
  async compare(): Promise<RolloutEvent> {
    try {
      return { kind: 'compared', view: await this.calls.control() };
    } catch (error) {
      return { kind: 'failed', reason: `compare: ${permanentReason(error)}` };
    }
  }

  /** A candidate that never got users is unloaded; a first raise that was interrupted can not come after this. */
  async tidy(state: RolloutState): Promise<void> {
    const { t0Ms, epoch, outcome } = state;
    if (t0Ms !== null || outcome === 'supersededByRollback') return;
    try {
      // Refused by the pre-flight of a run that was reset: nobody would watch over them any more.
      if (outcome === 'refused' && (await this.hasUsers(state))) await this.takeBack(state);
      else if (epoch !== null) await this.change(epoch, { commands: [ALL_TO_STABLE, loading(null)] });
    } catch (error) {
      log.warn(`the candidate is not unloaded: ${permanentReason(error)}`);
    }
  }

  private async fence(): Promise<RolloutEvent> {
    const key = `${this.owner}/start/${Date.now()}`;
    // What is there is looked up once: a copy of the call that comes late must not take the epoch back from a rollback.
    const expected = heldBy(await this.calls.control());
    const { epoch, view, lostTo } = await this.calls.takeEpoch({ owner: this.owner, key, expected });
    return lostTo === undefined
      ? { kind: 'fenced', epoch, interventions: view.state.interventions }
      : { kind: 'superseded', reason: `${lostTo} took over before T0, with epoch ${epoch}` };
  }

  private async load(plan: Plan, { candidate, epoch }: RolloutState): Promise<RolloutEvent> {
    const result = await this.change(epoch, { commands: [ALL_TO_STABLE, loading(candidate)] });
    if (result.kind === 'refused') return { kind: 'changed', result };
    const { ready, reason } = await this.calls.awaitLane({
      lane: 'candidate',
      release: candidate,
      withinMs: plan.loadWithinMs,
    });
    return { kind: 'loaded', ready, reason };
  }

  hasUnanswered(): boolean {
    return this.unanswered !== null;
  }

  /** What was asked last has an answer, which the rollout takes up. */
  answered(): void {
    this.unanswered = null;
  }

  /**
   * Asks with the key of the raise that was left, and nothing to do: either it was carried out, or that key is used up,
   * and what is still under way will change nothing. So no raise comes late, past a hold.
   */
  async settle({ epoch }: RolloutState): Promise<RolloutEvent> {
    const step = this.unanswered ?? '';
    try {
      return { kind: 'settled', result: await this.change(epoch, { commands: [] }, step) };
    } catch (error) {
      return { kind: 'failed', reason: `settle: ${permanentReason(error)}` };
    }
  }

  private async sweep(state: RolloutState): Promise<NprobeTuningResult> {
    await this.sweepEnded();
    this.sweeping = true;
    return tuned(this.owner, state).finally(() => {
      this.sweeping = false;
    });
  }

  /** Nothing is changed beside a sweep that was left, and no other begins; a rollback does not wait for it: the fence is its own. */
  private async sweepEnded(): Promise<void> {
    if (this.sweeping) await condition(() => !this.sweeping);
  }

  private async askOnce({ epoch }: RolloutState, change: StepOfRollout): Promise<RolloutEvent> {
    await this.sweepEnded();
    const step = this.nextStep();
    this.unanswered = step;
    return { kind: 'changed', result: await this.change(epoch, change, step) };
  }

  private nextStep(): string {
    return `${++this.steps}/${Date.now()}`;
  }

  private change(epoch: number | null, change: StepOfRollout, step = this.nextStep()): Promise<ChangeResult> {
    return this.calls.changeTraffic({
      ...change,
      epoch: epoch ?? 0,
      step: `${this.owner}/${step}`,
      by: this.owner,
    });
  }
}

function heldBy({ state: { owner, epoch } }: ControlView): { owner: string; epoch: number } {
  return { owner, epoch };
}
