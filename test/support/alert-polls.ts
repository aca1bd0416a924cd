import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { parseAlertRules } from '../../plan-files/parse-alert-rules.ts';
import type { EvaluationRecord } from '../../domain/alerts/evaluations.ts';
import type { ServingContext } from '../../domain/alerts/readings.ts';
import type { AlertRules } from '../../domain/alerts/rules.ts';
import type { AlertEvent, AlertState } from '../../domain/alerts/state.ts';
import { newAlerts } from '../../domain/alerts/state.ts';
import { alertStep } from '../../domain/alerts/evaluate-rules.ts';
import type { LaneSelfMetrics } from '../../domain/metrics/lane-self-metrics.ts';
import type { LaneCounters, SnapshotResult } from '../../domain/metrics/snapshot.ts';
import type { LaneDelta } from './lane-traffic.ts';
import { counters, snapshot, sum } from './lane-traffic.ts';

export const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** When these tests begin: some days after 1970, so that earlier evaluations fit. */
export const START = 100 * DAY;

/** The rules that ship. */
export function shippedRules(): AlertRules {
  const file = fileURLToPath(new URL('../../plans/alerts/runbook.yaml', import.meta.url));
  const parsed = parseAlertRules(parse(readFileSync(file, 'utf8')));
  if (!parsed.ok) throw new Error(parsed.problems.join('; '));
  return parsed.rules;
}

const flags = { impl: 'amn_v0', reranker: 'on', nprobe: 8 } as const;
export const ROLLOUT = { workflowId: 'rollout/retriever', runId: 'run-1' } as const;
export const SCENE: ServingContext = {
  stable: 'v-1',
  candidate: 'retriever_v0',
  run: ROLLOUT,
  flags: { stable: flags, candidate: flags },
  expectedShare: { stable: 0.95, candidate: 0.95 },
};
const GOOD: LaneDelta = { requests: 200, latencies: [[1, 2]] };
/** More often than a lane does, so that each poll has one. */
const COMPARED = { recallQueries: 1, recallFound: 10 };

/** What happens in one poll's time. */
export interface Moment {
  readonly stable?: LaneDelta | null;
  readonly candidate?: LaneDelta | null;
  readonly percent?: number;
  readonly processStartMs?: number;
  /** The gateway answers with the body that it answered with before. */
  readonly standsStill?: boolean;
  /** No metrics. */
  readonly gone?: boolean;
  readonly scene?: ServingContext | null;
  readonly evaluations?: readonly EvaluationRecord[];
}

/** A monitor on the tests' clock: polls in order, each event with the minute it came in. */
export class Polls {
  readonly events: (AlertEvent & { readonly minute: number })[] = [];
  state: AlertState = newAlerts(START);
  nowMs = START;
  private readonly rules: AlertRules;
  private totals = new LaneTotals();
  private processStartMs = 1;
  private last: SnapshotResult | null = null;

  constructor(rules: AlertRules = shippedRules()) {
    this.rules = rules;
  }

  /** So many minutes of the same, or of what each poll's number gives. */
  pass(minutes: number, moment: Moment | ((poll: number) => Moment) = {}): this {
    const polls = Math.round((minutes * MINUTE) / this.rules.pollMs);
    for (let i = 0; i < polls; i++) this.poll(typeof moment === 'function' ? moment(i) : moment);
    return this;
  }

  /** Events as `minute kind rule/lane`. */
  get notified(): string[] {
    return this.events.map(({ minute, kind, key }) => `${minute} ${kind} ${key}`);
  }

  /** The same of one rule. */
  of(rule: string): string[] {
    return this.notified.filter((line) => line.includes(` ${rule}`));
  }

  private poll(moment: Moment): void {
    this.nowMs += this.rules.pollMs;
    const { state, events } = alertStep(
      this.rules,
      this.state,
      {
        snapshot: this.snapshot(moment),
        scene: moment.scene === undefined ? SCENE : moment.scene,
        evaluations: { kind: 'evaluations', records: moment.evaluations ?? [] },
      },
      this.nowMs,
    );
    // As it travels through heartbeats and histories, now and then.
    this.state =
      events.length > 0 || this.nowMs % (10 * MINUTE) === 0
        ? (JSON.parse(JSON.stringify(state)) as AlertState)
        : state;
    const minute = (this.nowMs - START) / MINUTE;
    this.events.push(...events.map((event) => ({ ...event, minute })));
  }

  private snapshot(moment: Moment): SnapshotResult {
    if (moment.processStartMs !== undefined && moment.processStartMs !== this.processStartMs) {
      this.processStartMs = moment.processStartMs;
      this.totals = new LaneTotals();
    }
    const stable = this.totals.count('stable', moment.stable, 'v-1');
    const candidate = this.totals.count('candidate', moment.candidate, 'retriever_v0');
    if (moment.standsStill === true && this.last !== null) return this.last;
    if (moment.gone === true) return { kind: 'missing', reason: 'connection refused' };
    this.last = snapshot(this.nowMs, stable, candidate, {
      processStartMs: this.processStartMs,
      percent: moment.percent ?? 25,
    });
    return this.last;
  }
}

/** Cumulative counters, as a gateway has them. */
export class LaneTotals {
  private readonly total = {
    stable: new Map<string, LaneCounters>(),
    candidate: new Map<string, LaneCounters>(),
  };

  /** The lane's counters after it did this as well; null where it does not run. */
  count(
    lane: 'stable' | 'candidate',
    did: LaneDelta | null | undefined,
    release: string,
  ): LaneCounters | null {
    if (did === null) return null;
    const own = did?.own === null ? null : { ...COMPARED, ...did?.own };
    const now = counters({ release, ...GOOD, ...did, own });
    const before = this.total[lane].get(now.release);
    const after = before === undefined ? now : added(before, now);
    this.total[lane].set(now.release, after);
    return after;
  }
}

function added(a: LaneCounters, b: LaneCounters): LaneCounters {
  return { ...sum(a, b), own: b.own && a.own ? ownAdded(a.own, b.own) : (b.own ?? null) };
}

const SUMS = [
  'inspected',
  'duplicateShares',
  'norms',
  'normErrors',
  'recallQueries',
  'recallFound',
  'recallMissed',
] as const;

/** Sums go on, gauges are those of the later. */
function ownAdded(a: LaneSelfMetrics, b: LaneSelfMetrics): LaneSelfMetrics {
  const total = (field: (typeof SUMS)[number]) => [field, a[field] + b[field]];
  return { ...b, ...Object.fromEntries(SUMS.map(total)) };
}

/** A lane whose P95 is that. */
export function p95(ms: number): LaneDelta {
  return {
    latencies: [
      [0.9, ms / 2],
      [0.1, ms],
    ],
  };
}

/** A nightly evaluation of the stable release, so many days before the tests begin. */
export function evaluated(daysAgo: number, of: Partial<EvaluationRecord> = {}): EvaluationRecord {
  return {
    kind: 'nightly',
    atMs: START - daysAgo * DAY,
    release: 'v-1',
    queries: 800,
    rAt5: 0.67,
    expectedRAt5: 0.67,
    containAt50: 0.95,
    rerankLift: 0.05,
    ...of,
  };
}
