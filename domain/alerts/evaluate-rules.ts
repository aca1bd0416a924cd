import type { EvaluationRecord } from './evaluations.ts';
import { evaluationReading, newestOf, newestWeekly } from './evaluations.ts';
import { withoutOldBodies } from './freshness.ts';
import type { AlertPoll, AlertScene, Mark } from './readings.ts';
import { laneWithUsers, markOf } from './readings.ts';
import type { AlertRule, AlertRules, Severity } from './rules.ts';
import { ALERT_METRICS, BLIND, NOT_SEEN, NO_EVALUATION, NO_WEEKLY, SEVERITIES } from './rules.ts';
import type { AlertReading } from './threshold.ts';
import type { Alert, AlertEvent, AlertState, Watch } from './state.ts';
import { dueFor } from './state.ts';
import { mostSevere, unseenOf } from './unseen.ts';
import { polledReading } from './polled.ts';
import { missing } from '../core/metric-value.ts';
import type { LaneName } from '../control/traffic-split.ts';
import type { PolledStanding } from '../metrics/sustained.ts';
import { sustained } from '../metrics/sustained.ts';
import type { TuningWatch } from './tuning-windows.ts';
import { tuningStep } from './tuning-windows.ts';

const LANES = ['stable', 'candidate'] as const;

/** One poll: the state after it, and what a person is to be told. Missing data changes no alert but its own. */
export function alertStep(
  rules: AlertRules,
  before: AlertState,
  poll: AlertPoll,
  nowMs: number,
): { readonly state: AlertState; readonly events: readonly AlertEvent[] } {
  const step = new Step(rules, before, poll, nowMs);
  for (const rule of rules.rules)
    for (const lane of LANES)
      if (ALERT_METRICS[rule.metric].source === 'evaluation') step.evaluation(rule, lane);
      else step.polled(rule, lane);
  for (const lane of LANES) step.unseenOf(lane);
  step.blindness();
  step.runs();
  step.tell();
  return { state: step.after(), events: step.events };
}

/** One poll under way: what is known so far, rule by rule. */
class Step {
  readonly events: AlertEvent[] = [];
  private readonly rules: AlertRules;
  private readonly before: AlertState;
  private readonly clocks: AlertState['clocks'];
  private readonly poll: AlertPoll;
  readonly nowMs: number;
  readonly scene: AlertScene | null;
  readonly marks: readonly Mark[];
  private readonly watches: Record<string, Watch>;
  private readonly firing: Record<string, Alert>;
  readonly tuning: Record<LaneName, TuningWatch | null>;

  constructor(rules: AlertRules, before: AlertState, read: AlertPoll, nowMs: number) {
    const { clocks, poll } = withoutOldBodies(before.clocks, read);
    this.rules = rules;
    this.before = before;
    this.clocks = clocks;
    this.poll = poll;
    this.nowMs = nowMs;
    this.scene = poll.scene ?? before.scene;
    this.marks =
      poll.snapshot.kind === 'snapshot'
        ? [...before.marks, markOf(poll.snapshot.snapshot, nowMs)]
        : before.marks;
    this.watches = { ...before.watches };
    this.firing = { ...before.firing };
    this.tuning = { stable: this.tuningOf('stable'), candidate: this.tuningOf('candidate') };
  }

  /** A rule on what is seen at each poll: it lasts, or it does not. */
  polled(rule: AlertRule, lane: LaneName): void {
    const { snapshot } = this.poll;
    if (snapshot.kind === 'missing') return;
    const key = keyOf(rule.name, lane);
    const counters = laneWithUsers(snapshot.snapshot, lane);
    if (counters === null) {
      this.end(key);
      return;
    }
    const reading = polledReading(rule, lane, counters, this);
    const polls = this.watch(key, counters.release, reading, Math.max(rule.forMs, this.rules.clearMs));
    const { pollMs, clearMs } = this.rules;
    const lasts = (standing: 'breach' | 'clear', forMs: number) =>
      sustained(standing, polls, { forMs, pollMs }, this.nowMs);
    if (lasts('breach', rule.forMs)) this.fire(key, rule, lane, counters.release, reading);
    else if (lasts('clear', Math.min(clearMs, rule.forMs))) this.resolve(key);
  }

  /** A rule on evaluations: the newest one stands until there is another. */
  evaluation(rule: AlertRule, lane: LaneName): void {
    const { scene, rules, nowMs } = this;
    const { evaluations } = this.poll;
    if (scene === null || evaluations.kind === 'missing') return;
    const key = keyOf(rule.name, lane);
    const release = scene[lane];
    if (release === null) {
      this.end(key);
      return;
    }
    const reading = evaluationReading(rule, release, evaluations.records, rules.evaluations.maxAgeMs, nowMs);
    this.watch(key, release, reading, 0);
    if (reading.standing === 'breach') this.fire(key, rule, lane, release, reading);
    else if (reading.standing === 'clear') this.resolve(key);
  }

  /** One alert for all rules on a lane whose input has not been there for their window. */
  unseenOf(lane: LaneName): void {
    const { rules, nowMs, poll, watches } = this;
    if (poll.snapshot.kind === 'missing') return;
    const key = keyOf(NOT_SEEN, lane);
    const watched = rules.rules.map((rule) => ({ rule, watch: watches[keyOf(rule.name, lane)] }));
    const unseen = unseenOf(watched, rules, nowMs);
    if (unseen === null) this.resolve(key);
    else this.fireUnseen(NOT_SEEN, unseen.severity, unseen.release, unseen.reason, lane);
  }

  /** What can not be seen is an alert of its own, and never an all-clear. */
  blindness(): void {
    const { rules, nowMs, before } = this;
    const { snapshot } = this.poll;
    const blindMs = nowMs - before.lastSeenMs;
    if (snapshot.kind === 'snapshot') this.resolve(BLIND);
    else if (blindMs >= rules.blind.afterMs)
      this.fireUnseen(BLIND, rules.blind.severity, null, snapshot.reason);
    // Without metrics the gateway is gone, which is said already.
    if (this.poll.scene !== null) this.resolve(NOT_SEEN);
    else if (snapshot.kind === 'snapshot' && nowMs - before.sceneMs >= rules.blind.afterMs)
      this.fireUnseen(
        NOT_SEEN,
        rules.blind.severity,
        null,
        'the control listener does not say who serves what',
      );
  }

  /** What leaves evaluations has run lately: a schedule that is paused, skipped or broken is never silence. */
  runs(): void {
    const { scene, poll, rules } = this;
    if (scene === null) return;
    const { evaluations } = poll;
    const { maxAgeMs, weeklyMaxAgeMs } = rules.evaluations;
    const records = evaluations.kind === 'evaluations' ? evaluations.records : [];
    const none = (what: string) => (evaluations.kind === 'missing' ? evaluations.reason : what);
    const { stable } = scene;
    this.run(
      NO_EVALUATION,
      newestOf(stable, records),
      maxAgeMs,
      stable,
      none('no evaluation is young enough'),
    );
    if (weeklyMaxAgeMs !== null)
      this.run(NO_WEEKLY, newestWeekly(records), weeklyMaxAgeMs, null, none('none has run in time'));
  }

  /** Who fired is told of once, and again after the reminder's time, or when the next evaluation says so too. */
  tell(): void {
    for (const [key, alert] of Object.entries(this.firing)) {
      if (this.isCovered(alert) || this.isFading(key, alert)) continue;
      const kind = dueFor(alert, this.rules.reminderMs, this.nowMs);
      if (kind === null) continue;
      const { evaluationMs = null } = alert;
      const told = { ...alert, toldMs: this.nowMs, toldEvaluationMs: evaluationMs };
      this.firing[key] = told;
      this.events.push({ kind, key, alert: told });
    }
  }

  after(): AlertState {
    const { nowMs, before, marks, rules } = this;
    const longestMs = Math.max(0, ...rules.rules.map(({ lookBackMs }) => lookBackMs));
    // One more than the longest look-back: the mark that lies just before it opens the window.
    const from = marks.findLastIndex(({ atMs }) => atMs <= nowMs - longestMs);
    return {
      startedMs: before.startedMs,
      polledMs: nowMs,
      lastSeenMs: this.poll.snapshot.kind === 'snapshot' ? nowMs : before.lastSeenMs,
      clocks: this.clocks,
      sceneMs: this.poll.scene === null ? before.sceneMs : nowMs,
      scene: this.scene,
      marks: marks.slice(Math.max(0, from)),
      watches: this.watches,
      tuning: this.tuning,
      firing: this.firing,
    };
  }

  private run(
    name: string,
    newest: EvaluationRecord | null,
    maxAgeMs: number,
    release: string | null,
    reason: string,
  ): void {
    const { nowMs, before, rules } = this;
    if (newest !== null && nowMs - newest.atMs <= maxAgeMs) this.resolve(name);
    // A monitor that has just begun does not know what was before it.
    else if (nowMs - Math.max(newest?.atMs ?? 0, before.startedMs) > maxAgeMs)
      this.fireUnseen(name, rules.evaluations.severity, release, reason);
  }

  private tuningOf(lane: LaneName): TuningWatch | null {
    const { poll, scene, before, nowMs } = this;
    if (poll.snapshot.kind === 'missing') return before.tuning[lane];
    const { snapshot } = poll.snapshot;
    const counters = laneWithUsers(snapshot, lane);
    const nprobe = scene?.flags[lane]?.nprobe;
    if (counters === null || nprobe === undefined) return null;
    const served = { nprobe, processStartMs: snapshot.processStartMs };
    return tuningStep(before.tuning[lane], counters, served, nowMs);
  }

  /** Remembers a reading; another release under the lane's name begins afresh. */
  private watch(
    key: string,
    release: string,
    { standing, measured, unseen }: AlertReading,
    historyMs: number,
  ): readonly PolledStanding[] {
    const { nowMs } = this;
    if (this.watches[key] !== undefined && this.watches[key].release !== release) this.end(key);
    const before = this.watches[key];
    const polls = [...(before?.polls ?? []), { atMs: nowMs, standing }].filter(
      ({ atMs }) => atMs >= nowMs - historyMs,
    );
    const seenMs = unseen === true ? (before?.seenMs ?? nowMs) : nowMs;
    this.watches[key] = { release, polls, measured, atMs: nowMs, seenMs };
    return polls;
  }

  private fire(
    key: string,
    { name, severity, metric }: AlertRule,
    lane: LaneName,
    release: string,
    { measured, why, evaluationMs }: AlertReading,
  ): void {
    const { nowMs, scene } = this;
    const fresh = { sinceMs: nowMs, run: scene?.run ?? null, toldMs: null };
    const about = { name, severity, metric, lane, release, measured, why: why ?? null };
    this.firing[key] = { ...(this.firing[key] ?? fresh), ...about, evaluationMs: evaluationMs ?? null };
  }

  private fireUnseen(
    name: string,
    severity: Severity,
    release: string | null,
    reason: string,
    lane: LaneName | null = null,
  ): void {
    const { nowMs, scene } = this;
    const key = lane === null ? name : keyOf(name, lane);
    const fresh = { sinceMs: nowMs, run: scene?.run ?? null, toldMs: null };
    const before = this.firing[key];
    const worst = mostSevere(severity, before?.severity ?? severity);
    const about = {
      name,
      severity: worst,
      release,
      metric: null,
      lane,
      measured: missing(reason),
      why: null,
    };
    // Who heard of a warning has not heard that it is critical by now.
    this.firing[key] = { ...(before?.severity === worst ? before : fresh), ...about };
  }

  private resolve(key: string, kind: 'resolved' | 'ended' = 'resolved'): void {
    const alert = this.firing[key];
    if (alert === undefined) return;
    delete this.firing[key];
    const measured = this.watches[key]?.measured ?? alert.measured;
    // Who was never told that it began need not hear that it is over.
    if (alert.toldMs !== null) this.events.push({ kind, key, alert: { ...alert, measured } });
  }

  /** There is nothing to watch any more under this name. */
  private end(key: string): void {
    this.resolve(key, 'ended');
    delete this.watches[key];
  }

  /** Nobody heard of it while a more severe one spoke for it, and by now it is within its limit again. */
  private isFading(key: string, { toldMs, sinceMs }: Alert): boolean {
    return toldMs === null && sinceMs < this.nowMs && this.watches[key]?.polls.at(-1)?.standing === 'clear';
  }

  /** One page for one trouble: the more severe alert of the same metric and lane speaks for both. */
  private isCovered({ metric, lane, severity }: Alert): boolean {
    const rank = SEVERITIES.indexOf(severity);
    return Object.values(this.firing).some(
      (other) =>
        metric !== null &&
        other.metric === metric &&
        other.lane === lane &&
        SEVERITIES.indexOf(other.severity) < rank,
    );
  }
}

function keyOf(rule: string, lane: LaneName): string {
  return `${rule}/${lane}`;
}
