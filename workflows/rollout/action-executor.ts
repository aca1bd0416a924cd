import { log } from '@temporalio/workflow';
import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import type { ChangeResult } from '../../domain/control/change-result.ts';
import type { ControlView } from '../../domain/control/state.ts';
import type { Plan } from '../../domain/plan/plan.ts';
import type { Command, KeyedChange } from '../../domain/rollout/next-action.ts';
import { givesUsers } from '../../domain/rollout/compare.ts';
import type { RolloutEvent } from '../../domain/rollout/events.ts';
import type { RolloutState } from '../../domain/rollout/state.ts';
import { takeBack } from '../rollback/roll-back.ts';
import { activities, briefly, permanentReason } from '../runtime/activities.ts';
import { identity } from '../runtime/identity.ts';
import { tuned } from './ladder-sweep.ts';

/** A command that is carried out by calls of the outside; waiting is the run's own. */
export type Call = Exclude<Command, { readonly do: 'wait' | 'finish' | 'awaitSweep' }>;

/** Who hears what happens beside the answers. */
interface Listener {
  /** A rollback does not get through, again and again. */
  rollbackLate(reason: string): void;
  /** Any other call, once for each round of attempts; false: it is given up, and fails. */
  callLate(what: string, reason: string): boolean;
  /** Also of a sweep that was left. */
  sweepEnded(): void;
}

/** Carries out a rollout's commands: a call of the outside each, and the event that comes of it. */
export class ActionExecutor {
  private readonly owner: string;
  private readonly listener: Listener;
  private readonly calls: RolloutActivities;
  /** A rollback says by itself that it does not get through, with what its calls last failed with. */
  private takingBack = false;
  private cause: string | null = null;

  constructor(service: string, listener: Listener) {
    this.listener = listener;
    this.calls = activities((what, reason) => this.isPatient(what, reason));
    this.owner = `rollout/${service}/${identity().runId}`;
  }

  /** What came of the command. What no retry can mend is an event too, and never the end of the workflow. */
  async perform(plan: Plan, state: RolloutState, command: Call): Promise<RolloutEvent> {
    try {
      return await this.attempt(plan, state, command);
    } catch (error) {
      const reason = `${command.do}: ${permanentReason(error)}`;
      if (command.do === 'snapshot') return { kind: 'snapshot', result: { kind: 'missing', reason } };
      if (command.do === 'evaluate') return { kind: 'evaluated', result: { kind: 'missing', reason } };
      return { kind: 'failed', reason };
    }
  }

  private async attempt(plan: Plan, state: RolloutState, command: Call): Promise<RolloutEvent> {
    const { calls } = this;
    const { candidate, service, epoch } = state;
    switch (command.do) {
      case 'preflight':
        return { kind: 'preflight', report: await calls.preflight({ service, candidate, plan }) };
      case 'fence':
        return this.fence();
      case 'load':
        return this.load(plan, state, command);
      case 'snapshot':
        return { kind: 'snapshot', result: await calls.snapshot() };
      case 'evaluate': {
        const { name } = command;
        const result = await calls.evaluate({ lane: 'candidate', release: candidate, name });
        return { kind: 'evaluated', result };
      }
      case 'raise':
      case 'withdrawTraffic':
      case 'applyRemediation':
      case 'promote':
        return { kind: 'changed', result: await this.change(epoch, command) };
      case 'settle': {
        const { key } = command;
        return { kind: 'settled', result: await this.change(epoch, { key, change: { commands: [] } }) };
      }
      case 'readFlags':
        return { kind: 'looked', view: await calls.control() };
      case 'compare':
        return { kind: 'compared', view: await calls.control() };
      case 'tune':
        return this.sweep(state);
      case 'rollback':
        return this.takeBack(state);
      default:
        return command satisfies never;
    }
  }

  private isPatient(what: string, reason: string): boolean {
    if (!this.takingBack) return this.listener.callLate(what, reason);
    this.cause = `${what}: ${reason}`;
    return true;
  }

  /** Users back to the old release; before T0 there is nothing to undo but the loaded lane. */
  async takeBack(state: RolloutState): Promise<RolloutEvent> {
    if (state.t0Ms === null && !(await this.hasUsers(state)))
      return { kind: 'rolledBack', verification: null, safeAfterMs: 0 };
    const reason = state.rollbackReason ?? 'rollback';
    const { owner, listener } = this;
    const triggeredMs = state.triggeredMs ?? Date.now();
    const key = `${owner}/rollback/${triggeredMs}`;
    const late = (what: string) => listener.rollbackLate(what);
    const run = { owner, key, by: owner, reason, late, cause: () => this.cause };
    this.takingBack = true;
    const result = await takeBack(this.calls, run, state.report?.stable ?? null, triggeredMs);
    // What came since the last window counts too.
    return { ...result, last: await this.calls.snapshot(), kind: 'rolledBack' };
  }

  /**
   * Whether the candidate has users although this run gave it none: a raise that was interrupted got through, or the run was reset to
   * before T0. False where the gateway does not say: what happens before T0 needs no gateway to end.
   */
  private async hasUsers(state: RolloutState): Promise<boolean> {
    const view = await briefly()
      .control()
      .catch((error: unknown) => {
        log.warn(`whether ${state.candidate} has users is not known: ${permanentReason(error)}`);
        return null;
      });
    return view !== null && givesUsers(state, view, this.owner);
  }

  /** A candidate that never got users is unloaded; a first raise that was interrupted cannot come after this. */
  async tidy(state: RolloutState, unload: KeyedChange | null): Promise<void> {
    try {
      // Refused by the pre-flight of a run that was reset: nobody would watch over them any more.
      const mayHaveUsers = state.t0Ms === null && state.outcome === 'refused';
      if (mayHaveUsers && (await this.hasUsers(state))) await this.takeBack(state);
      else if (unload !== null) await this.change(state.epoch, unload);
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

  private async load(
    plan: Plan,
    { candidate, epoch }: RolloutState,
    asked: KeyedChange,
  ): Promise<RolloutEvent> {
    const result = await this.change(epoch, asked);
    if (result.kind === 'refused') return { kind: 'changed', result };
    const { ready, reason } = await this.calls.awaitLane({
      lane: 'candidate',
      release: candidate,
      withinMs: plan.loadWithinMs,
    });
    return { kind: 'loaded', ready, reason };
  }

  /** The listener hears of its end as well, since a sweep that was left goes on without anybody who waits for it. */
  private async sweep(state: RolloutState): Promise<RolloutEvent> {
    const result = await tuned(this.owner, state).finally(() => this.listener.sweepEnded());
    return { kind: 'tuned', result };
  }

  private change(epoch: number | null, { key, change }: KeyedChange): Promise<ChangeResult> {
    const { owner } = this;
    return this.calls.changeTraffic({ ...change, epoch: epoch ?? 0, step: `${owner}/${key}`, by: owner });
  }
}

function heldBy({ state: { owner, epoch } }: ControlView): { owner: string; epoch: number } {
  return { owner, epoch };
}
