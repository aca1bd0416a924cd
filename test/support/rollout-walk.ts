import type { ControlView, Flags } from '../../domain/control/state.ts';
import type { NprobeTuningResult } from '../../domain/tuning/input.ts';
import type { Plan } from '../../domain/plan/plan.ts';
import type { DriverEvent, DriverState } from '../../domain/rollout/driver.ts';
import { begin, newDriver, take } from '../../domain/rollout/driver.ts';
import type { Action } from '../../domain/rollout/action.ts';
import type { Command } from '../../domain/rollout/next-action.ts';
import { nextAction } from '../../domain/rollout/next-action.ts';
import type { MessageName } from '../../domain/rollout/operator-message.ts';
import type { RolloutState } from '../../domain/rollout/state.ts';
import { newRollout } from '../../domain/rollout/state.ts';
import type { SnapshotResult } from '../../domain/metrics/snapshot.ts';
import { counters, snapshot, sum } from './lane-traffic.ts';
import { INTERVENTION, alike, controlView, evaluationOf, reportOf } from './walk-reports.ts';
import type { GuardEvent } from '../../domain/guard/state.ts';
import type { RolloutEvent } from '../../domain/rollout/events.ts';

/** What happens next: the action is done, with this luck; or something comes in between. */
export type Fate =
  | { readonly kind: 'done'; readonly luck: 'good' | 'bad' | 'missing' | 'refused' }
  | { readonly kind: 'message'; readonly name: MessageName }
  | {
      readonly kind: 'guard';
      readonly event: 'baselineAlsoFailing' | 'noTelemetry' | 'noTelemetryTimeout' | 'intervened';
    }
  | { readonly kind: 'cancelled' };

/** A share of users that was asked for, with the state in which it was. */
export interface Raise {
  readonly before: RolloutState;
  readonly from: number;
  readonly to: number;
}

/** A change of the candidate's flags, with the state in which it was asked for. */
interface StepOfLadder {
  readonly before: RolloutState;
  readonly from: Flags;
  readonly to: Flags;
}

const MINUTE = 60_000;

/** The decisions of a rollout, with an outside that is arithmetic: no server, no clock. */
export class Walk {
  readonly plan: Plan;
  readonly raises: Raise[] = [];
  readonly steps: StepOfLadder[] = [];
  flags: Flags = { impl: 'amn_v0', reranker: 'on', nprobe: 8 };
  /** How long the candidate's requests take with these flags, in ms. */
  latencyMs: (flags: Flags, percent: number) => number = () => 2;
  /** What a sweep ends with. */
  tune: () => NprobeTuningResult = () => ({ outcome: 'hold', nprobe: null, reason: 'no nprobe qualifies' });
  /** What its evaluation has lost of R@5, as a share. */
  lost: (flags: Flags) => number = () => 0;
  driver: DriverState;
  /** Requests a minute; 0: nobody searches. */
  perMinute = 600;
  nowMs = 0;
  percent = 0;
  private interventions = 0;
  private failed = 0;
  private candidate = counters({ release: 'v0' }, 0);
  private countedMinutes = 0;
  private startSeconds = 1;

  constructor(plan: Plan) {
    this.plan = plan;
    this.driver = newDriver(newRollout('retriever', 'v0', 0));
  }

  get state(): RolloutState {
    return this.driver.rollout;
  }

  set state(rollout: RolloutState) {
    this.driver = { ...this.driver, rollout };
  }

  get action(): Action {
    return nextAction(this.plan, this.state);
  }

  /** One event. Time passes as far as the action says. */
  step(fate: Fate): void {
    if (this.action.do === 'finish') return;
    if (fate.kind !== 'done') return this.take(this.interruption(fate));
    const { driver, command } = begin(this.plan, this.driver, this.nowMs);
    this.driver = driver;
    this.take(this.carryOut(command, fate.luck));
  }

  private take(event: DriverEvent): void {
    this.driver = take(this.plan, this.driver, event, this.nowMs).driver;
  }

  /** The candidate's lane is started again, at that second. */
  laneStarts(seconds: number): void {
    this.startSeconds = seconds;
  }

  /** Good luck until it ends, waits for a person, or the steps run out. */
  goOn(steps = 500): void {
    for (let i = 0; i < steps; i++) {
      const { action } = this;
      if (action.do === 'finish' || (action.do === 'wait' && action.untilMs === null)) return;
      this.step({ kind: 'done', luck: 'good' });
    }
  }

  private interruption(fate: Exclude<Fate, { kind: 'done' }>): RolloutEvent {
    this.nowMs += MINUTE;
    if (fate.kind === 'cancelled') return { kind: 'cancelled' };
    if (fate.kind === 'message')
      return { kind: 'message', message: { name: fate.name, reason: null, by: null } };
    return { kind: 'guard', event: this.guardEvent(fate.event) };
  }

  private guardEvent(
    kind: 'baselineAlsoFailing' | 'noTelemetry' | 'noTelemetryTimeout' | 'intervened',
  ): GuardEvent {
    if (kind === 'baselineAlsoFailing') return { kind, trigger: 'slow', reason: 'both' };
    if (kind !== 'intervened') return { kind, reason: 'nothing seen' };
    this.interventions++;
    this.percent = Math.min(this.percent, 3);
    const { interventions, percent } = this;
    return { kind, intervention: INTERVENTION, interventions, percent };
  }

  private carryOut(command: Command, luck: 'good' | 'bad' | 'missing' | 'refused'): DriverEvent {
    switch (command.do) {
      case 'preflight':
        return { kind: 'preflight', report: reportOf(luck === 'bad' ? 'fail' : 'pass') };
      case 'fence':
        return { kind: 'fenced', epoch: 1, interventions: this.interventions };
      case 'load':
        return { kind: 'loaded', ready: luck !== 'bad', reason: 'v0 is ready' };
      case 'snapshot':
        return { kind: 'snapshot', result: this.snapshot(luck) };
      case 'evaluate':
        return { kind: 'evaluated', result: this.evaluation(luck) };
      case 'raise':
        return this.changed(command.percent, luck);
      case 'withdrawTraffic':
        return this.changed(0, luck);
      case 'promote':
        return this.changed(this.percent, luck, 'v0');
      case 'readFlags':
        return { kind: 'looked', view: this.view() };
      case 'tune':
        return { kind: 'tuned', result: this.tune() };
      case 'applyRemediation':
        return this.stepped(command.flags, luck);
      case 'rollback':
        return this.rolledBack(luck);
      case 'wait':
        this.nowMs = Math.max(this.nowMs + 1, command.untilMs ?? this.nowMs + MINUTE);
        return { kind: command.ends };
      case 'compare':
        return { kind: 'compared', view: this.view() };
      case 'settle':
        return { kind: 'settled', result: { kind: 'done', view: this.view() } };
      case 'awaitSweep':
        return { kind: 'sweepEnded' };
      case 'finish':
        throw new Error('it has ended');
      default:
        return command satisfies never;
    }
  }

  private changed(percent: number, luck: string, stable = 'v-1'): RolloutEvent {
    const refused = luck === 'refused' || this.state.interventions !== this.interventions;
    if (percent > this.percent && !refused)
      this.raises.push({ before: this.state, from: this.percent, to: percent });
    if (!refused) this.percent = percent;
    const view = this.view(refused ? 'v-1' : stable);
    const refusal = { kind: 'intervened', reason: 'by hand', intervention: INTERVENTION } as const;
    return {
      kind: 'changed',
      result: refused ? { kind: 'refused', refusal, view } : { kind: 'done', view },
    };
  }

  private rolledBack(luck: string): RolloutEvent {
    this.percent = 0;
    return luck === 'refused'
      ? { kind: 'failed', reason: 'no release "v-1"' }
      : { kind: 'rolledBack', verification: null, safeAfterMs: 100 };
  }

  private stepped(flags: Flags, luck: string): RolloutEvent {
    const event = this.changed(this.percent, luck);
    if (event.kind === 'changed' && event.result.kind === 'done') {
      this.steps.push({ before: this.state, from: this.flags, to: flags });
      this.flags = flags;
    }
    return event;
  }

  private view(stable = 'v-1'): ControlView {
    return controlView(stable, this, this.interventions);
  }

  private snapshot(luck: 'good' | 'bad' | 'missing' | 'refused'): SnapshotResult {
    if (luck === 'missing') return { kind: 'missing', reason: 'connection refused' };
    const minutes = Math.floor(this.nowMs / MINUTE);
    const requests = this.perMinute;
    // A candidate that was bad once has more errors from then on: counters never go back.
    if (luck === 'bad') this.failed += requests * 120;
    const keys = (percent: number) => (requests === 0 ? 0 : 100 * percent);
    const stable = counters({ release: 'v-1', requests, keys: keys(100 - this.percent) }, minutes);
    const did = {
      release: 'v0',
      requests,
      keys: keys(this.percent),
      latencies: [[1, this.latencyMs(this.flags, this.percent)]] as const,
      rerankMs: this.flags.reranker === 'on' ? 0.5 : null,
    };
    this.candidate = sum(this.candidate, counters(did, minutes - this.countedMinutes));
    this.countedMinutes = minutes;
    return snapshot(
      this.nowMs,
      stable,
      { ...this.candidate, errors: this.failed, own: this.own() },
      {
        percent: this.percent,
        processStartMs: luck === 'refused' ? this.nowMs : 1,
        shadow: alike(requests * minutes),
      },
    );
  }

  private own() {
    return this.candidate.own ? { ...this.candidate.own, startSeconds: this.startSeconds } : null;
  }

  private evaluation(luck: 'good' | 'bad' | 'missing' | 'refused') {
    if (luck === 'missing') return { kind: 'missing', reason: 'no labelled queries' } as const;
    return evaluationOf(luck === 'bad' ? 0.2 : this.lost(this.flags), this.nowMs);
  }
}
