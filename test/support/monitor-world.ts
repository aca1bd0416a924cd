import { ApplicationFailure, activityInfo } from '@temporalio/activity';
import { packState, unpackState } from '../../activities/monitor/carried-state.ts';
import type { SendSignal } from '../../activities/monitor/long-watch.ts';
import type { EvaluationRecord } from '../../domain/alerts/evaluations.ts';
import type { AlertPoll } from '../../domain/alerts/readings.ts';
import type { AlertRules } from '../../domain/alerts/rules.ts';
import { MONITOR_SAW, alertProgress, newAlertProgress } from '../../domain/alerts/reports.ts';
import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import type { IncidentDraft } from '../../domain/incident/incident-markdown.ts';
import type { MonitorActivities, WatchAlertsInput } from '../../domain/contracts/monitor-activities.ts';
import { LaneTotals, MINUTE, SCENE, START, evaluated, p95, shippedRules } from './alert-polls.ts';
import type { LaneDelta } from './lane-traffic.ts';
import { snapshot } from './lane-traffic.ts';
import type { Notification } from '../../domain/notification/notification.ts';

/**
 * The outside of a monitor on a clock of its own, which runs while `watchAlerts` polls: a stretch takes no time. It stands still at the moment that the test has named, until the test names a later one.
 */
export class MonitorWorld {
  nowMs = START;
  rules: AlertRules = withoutTuning(shippedRules());
  /** What the newest edit of the rules file made of it. */
  rulesProblem: string | null = null;
  candidate: (minute: number) => LaneDelta | 'gone' = () => ({});
  scene = SCENE;
  contained: number = 0.95;
  /** In the place of one that has that. */
  evaluations: readonly EvaluationRecord[] | null = null;
  readonly notifications: Notification[] = [];
  readonly flags: unknown[] = [];
  readonly drafts: IncidentDraft[] = [];
  readonly stretches: WatchAlertsInput[] = [];
  /** A webhook that takes nothing; `for good`, and says so. */
  deaf: boolean | 'for good' = false;
  /** Where reports go; set by who runs the monitor. */
  signal: SendSignal = () => Promise.reject(new Error('nobody listens'));
  private untilMs = START;
  private ended = false;
  private stirred: () => void = () => {};
  private readonly totals = new LaneTotals();

  get minute(): number {
    return (this.nowMs - START) / MINUTE;
  }

  /** Lets the monitor's clock run so far. */
  runTo(minute: number): void {
    this.untilMs = START + minute * MINUTE;
    this.stirred();
  }

  /** Ends an activity that waits for its time. */
  end(): void {
    this.ended = true;
    this.stirred();
  }

  activities(): MonitorActivities & Pick<RolloutActivities, 'notify'> {
    return {
      loadAlertRules: async () => {
        if (this.rulesProblem !== null)
          throw ApplicationFailure.nonRetryable(this.rulesProblem, 'WrongRules');
        return this.rules;
      },
      watchAlerts: (input) => this.watch(input),
      setFlags: async (input) => void this.flags.push(input),
      writeIncident: async (draft) => {
        this.drafts.push(draft);
        return { file: 'incident.md' };
      },
      notify: async (note) => {
        if (this.deaf === 'for good') throw ApplicationFailure.nonRetryable('the webhook is gone');
        if (this.deaf) throw new Error('the webhook answered 500');
        this.notifications.push(note);
        return { to: 'chat.example (slack)' };
      },
    };
  }

  /** As the real one, on the world's clock. */
  private async watch(input: WatchAlertsInput): ReturnType<MonitorActivities['watchAlerts']> {
    this.stretches.push(input);
    const { workflowId = '', runId = '' } = activityInfo().workflowExecution ?? {};
    let state = input.carried === null ? newAlertProgress(runId, this.nowMs) : unpackState(input.carried);
    const endMs = this.nowMs + input.stretchMs;
    while (this.nowMs < endMs) {
      await this.due(this.nowMs + input.rules.pollMs);
      this.nowMs += input.rules.pollMs;
      state = alertProgress(input.rules, state, this.poll(), this.nowMs);
      for (const report of state.unsent) await this.signal(workflowId, MONITOR_SAW, report);
      state = { ...state, unsent: [] };
    }
    return packState(state);
  }

  /** Waits until the test lets it be that time. */
  private async due(atMs: number): Promise<void> {
    while (atMs > this.untilMs) {
      if (this.ended) throw new Error('the test is over');
      await new Promise<void>((resolve) => {
        this.stirred = resolve;
      });
    }
  }

  private poll(): AlertPoll {
    const did = this.candidate(this.minute);
    const stable = this.totals.count('stable', {}, 'v-1');
    const candidate = this.totals.count('candidate', did === 'gone' ? {} : did, 'retriever_v0');
    return {
      snapshot:
        did === 'gone'
          ? { kind: 'missing', reason: 'connection refused' }
          : snapshot(this.nowMs, stable, candidate, { percent: 25 }),
      scene: this.scene,
      evaluations: {
        kind: 'evaluations',
        records: this.evaluations ?? [evaluated(0.1, { containAt50: this.contained })],
      },
    };
  }
}

export const SLOW = p95(30);

/** One rule for slowness is enough for these tests. */
function withoutTuning(rules: AlertRules): AlertRules {
  return { ...rules, rules: rules.rules.filter(({ name }) => name !== 'nprobe-need') };
}
