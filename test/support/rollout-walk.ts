import type { ControlView, Flags, Intervention } from '../../domain/control/state.ts';
import { firstState } from '../../domain/control/apply-command.ts';
import type { NprobeTuningResult } from '../../domain/tuning/input.ts';
import type { Plan } from '../../domain/plan/plan.ts';
import { reduce } from '../../domain/rollout/reduce.ts';
import type { Action } from '../../domain/rollout/next-action.ts';
import { nextAction } from '../../domain/rollout/next-action.ts';
import type { MessageName } from '../../domain/rollout/operator-commands.ts';
import type { RolloutState } from '../../domain/rollout/state.ts';
import { newRollout } from '../../domain/rollout/state.ts';
import type { ShadowCounters, SnapshotResult } from '../../domain/metrics/snapshot.ts';
import { OVERLAP_DEPTH } from '../../domain/metrics/snapshot.ts';
import { counters, snapshot, sum } from './lane-traffic.ts';
import type { GuardEvent } from '../../domain/guard/state.ts';
import type { RolloutEvent } from '../../domain/rollout/events.ts';

/** What happens next: the action is done, with this luck; or something comes in between. */
export type Fate =
  | { readonly kind: 'done'; readonly luck: 'good' | 'bad' | 'missing' | 'refused' }
  | { readonly kind: 'message'; readonly name: MessageName }
  | { readonly kind: 'guard'; readonly event: 'bothLanes' | 'blind' | 'blindTooLong' | 'intervened' }
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
const INTERVENTION: Intervention = {
  kind: 'byHand',
  by: 'bob',
  atMs: 0,
  what: 'percent 25 -> 3',
  percentBefore: 25,
};

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
  state: RolloutState;
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
    this.state = newRollout('retriever', 'v0', 0);
  }

  get action(): Action {
    return nextAction(this.plan, this.state);
  }

  /** One event. Time passes as far as the action says. */
  step(fate: Fate): void {
    const { action } = this;
    if (action.do === 'finish') return;
    const event = fate.kind === 'done' ? this.carryOut(action, fate.luck) : this.interruption(fate);
    this.state = reduce(this.plan, this.state, event, this.nowMs).state;
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

  private guardEvent(kind: 'bothLanes' | 'blind' | 'blindTooLong' | 'intervened'): GuardEvent {
    if (kind === 'bothLanes') return { kind, trigger: 'slow', reason: 'both' };
    if (kind !== 'intervened') return { kind, reason: 'nothing seen' };
    this.interventions++;
    this.percent = Math.min(this.percent, 3);
    const { interventions, percent } = this;
    return { kind, intervention: INTERVENTION, interventions, percent };
  }

  private carryOut(action: Action, luck: 'good' | 'bad' | 'missing' | 'refused'): RolloutEvent {
    switch (action.do) {
      case 'preflight':
        return { kind: 'preflight', report: this.report(luck === 'bad' ? 'red' : 'green') };
      case 'fence':
        return { kind: 'fenced', epoch: 1, interventions: this.interventions };
      case 'load':
        return { kind: 'loaded', ready: luck !== 'bad', reason: 'v0 is ready' };
      case 'snapshot':
        return { kind: 'snapshot', result: this.snapshot(luck) };
      case 'evaluate':
        return { kind: 'evaluated', result: this.evaluation(luck) };
      case 'raise':
        return this.changed(action.percent, luck);
      case 'zero':
        return this.changed(0, luck);
      case 'promote':
        return this.changed(this.percent, luck, 'v0');
      case 'look':
        return { kind: 'looked', view: this.view() };
      case 'tune':
        return { kind: 'tuned', result: this.tune() };
      case 'step':
        return this.stepped(action.flags, luck);
      case 'rollback':
        this.percent = 0;
        return luck === 'refused'
          ? { kind: 'failed', reason: 'no release "v-1"' }
          : { kind: 'rolledBack', verification: null, safeAfterMs: 100 };
      case 'wait':
        this.nowMs = Math.max(this.nowMs + 1, action.untilMs ?? this.nowMs + MINUTE);
        return { kind: 'time' };
      case 'finish':
        throw new Error('it has ended');
      default:
        return action satisfies never;
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

  private stepped(flags: Flags, luck: string): RolloutEvent {
    const event = this.changed(this.percent, luck);
    if (event.kind === 'changed' && event.result.kind === 'done') {
      this.steps.push({ before: this.state, from: this.flags, to: flags });
      this.flags = flags;
    }
    return event;
  }

  private view(stable = 'v-1'): ControlView {
    const { interventions, percent, flags } = this;
    const first = firstState({ release: stable, flags: null }, 0);
    const lanes = { ...first.lanes, candidate: { release: 'v0', flags } };
    const lastIntervention = interventions > 0 ? INTERVENTION : null;
    const state = { ...first, epoch: 1, interventions, percent, lanes, lastIntervention };
    return {
      state,
      lanes: { stable: null, candidate: null, previous: null, spare: null },
      nowMs: this.nowMs,
      killSwitch: false,
    };
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
    const { own } = this.candidate;
    return own ? { ...own, startSeconds: this.startSeconds } : null;
  }

  private evaluation(luck: 'good' | 'bad' | 'missing' | 'refused') {
    if (luck === 'missing') return { kind: 'missing', reason: 'no labelled queries' } as const;
    const expected = { rAt5: 0.8, mrr: 0.6, containAt50: 0.95 };
    const lost = luck === 'bad' ? 0.2 : this.lost(this.flags);
    return {
      kind: 'evaluated',
      release: 'v0',
      atMs: this.nowMs,
      queries: 1000,
      ...expected,
      rAt5: expected.rAt5 - lost,
      expected,
      lostAt5: Math.max(0, Math.round(1000 * lost)),
      gainedAt5: Math.max(0, Math.round(-1000 * lost)),
      file: 'artifacts/eval/x.json',
    } as const;
  }

  private report(verdict: 'green' | 'red') {
    const quality = (release: string) => ({
      release,
      tau: 0.65,
      expectedShare: 0.95,
      rAt5: 0.8,
      queries: 1000,
    });
    return {
      checks: [{ name: 'norms', verdict, reason: 'row 7 has norm 1.3' }],
      stable: 'v-1',
      candidateQuality: quality('v0'),
      stableQuality: quality('v-1'),
    };
  }
}

/** So many shadowed queries that both lanes answered with the same ids. */
function alike(queries: number): ShadowCounters {
  const overlap = Array.from({ length: OVERLAP_DEPTH + 1 }, (_, i) => (i === OVERLAP_DEPTH ? queries : 0));
  const differing = { onlyStable: 0, onlyCandidate: 0, neither: 0 };
  return { release: 'v0', against: 'v-1', both: queries, ...differing, overlap, selfOverlap: overlap };
}
