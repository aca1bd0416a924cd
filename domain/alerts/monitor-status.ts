import type { ServingContext } from './readings.ts';
import type { AlertRules, Severity } from './rules.ts';
import { BLIND } from './rules.ts';
import { formatAlert } from './alert-message.ts';
import type { AlertView } from './reports.ts';
import type { MetricValue } from '../core/metric-value.ts';
import type { LaneName } from '../control/traffic-split.ts';

/** Answer of the query `alerts`. */
export interface MonitorStatus {
  readonly service: string;
  readonly rules: string;
  /** Of the newest poll; null before the first. */
  readonly polledAt: number | null;
  /** No metrics now: what fires is as it was before, and what does not is not known to be well. */
  readonly blind: boolean;
  /** Alerts that were sent, the most severe first, then the oldest. */
  readonly firing: readonly FiringNow[];
  /** The last value of each rule, by lane. */
  readonly values: readonly { rule: string; lane: string; measured: MetricValue; atMs: number }[];
}

interface FiringNow {
  readonly name: string;
  readonly severity: Severity;
  readonly lane: LaneName | null;
  readonly release: string | null;
  readonly since: number;
  readonly says: string;
  readonly run: ServingContext['run'];
}

const ORDER: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, info: 2 };

/** What a monitor says of itself. */
export function monitorStatus(
  service: string,
  rules: AlertRules | null,
  state: AlertView | null,
): MonitorStatus {
  const ruleOf = (name: string) => rules?.rules.find((rule) => rule.name === name) ?? null;
  const notified = Object.values(state?.firing ?? {}).filter(({ notifiedMs }) => notifiedMs !== null);
  const firing = notified.map((alert) => ({
    name: alert.name,
    severity: alert.severity,
    lane: alert.lane,
    release: alert.release,
    since: alert.sinceMs,
    says: formatAlert(ruleOf(alert.name), alert),
    run: alert.run,
  }));
  const values = Object.entries(state?.watches ?? {}).map(([key, { measured, atMs }]) => {
    const [rule = '', lane = ''] = key.split('/');
    return { rule, lane, measured, atMs };
  });
  return {
    service,
    rules: rules?.name ?? '',
    polledAt: state?.polledMs ?? null,
    blind: state?.firing[BLIND] !== undefined || (state !== null && state.lastSeenMs < (state.polledMs ?? 0)),
    firing: firing.toSorted((a, b) => ORDER[a.severity] - ORDER[b.severity] || a.since - b.since),
    values,
  };
}

/** The status as markdown, for the web UI's current details. */
export function monitorMarkdown(status: MonitorStatus, time: (ms: number) => string): string {
  const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const rows = status.firing.map(
    ({ severity, name, since, says }) => `| ${severity} | ${name} | ${time(since)} | ${cell(says)} |`,
  );
  return [
    `### ${status.service}: ${status.firing.length === 0 ? 'nothing fires' : `${status.firing.length} firing`}`,
    ...(rows.length === 0 ? [] : ['| severity | alert | since | |', '| --- | --- | --- | --- |', ...rows]),
    ...(status.blind ? ['', 'No metrics now: nothing of this is an all-clear.'] : []),
  ].join('\n');
}
