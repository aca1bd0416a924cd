import type { AlertPoll } from './readings.ts';
import type { AlertRules } from './rules.ts';
import type { AlertEvent, AlertState, RuleHistory } from './state.ts';
import { newAlerts } from './state.ts';
import { alertStep } from './evaluate-rules.ts';

/** Name of the signal that takes a report to the monitor. */
export const MONITOR_SAW = 'monitorSaw';

/** What people are shown of the alerts: the state without what only the next poll needs. */
export interface AlertView extends Pick<AlertState, 'polledMs' | 'lastSeenMs' | 'scene' | 'firing'> {
  /** The last value of each rule, by rule and lane. */
  readonly watches: Readonly<Record<string, Pick<RuleHistory, 'measured' | 'atMs'>>>;
}

/** What the watch sends to its monitor; it comes at least once. */
export interface AlertReport {
  /** The same report has the same key, however often it is sent. */
  readonly key: string;
  readonly events: readonly AlertEvent[];
  readonly view: AlertView;
}

/** What the watch carries from poll to poll, from one run of the monitor to the next, and over a worker's death. */
export interface AlertProgress {
  /** Names the watch: one that begins in its place counts its reports from 1 again. */
  readonly name: string;
  readonly alerts: AlertState;
  readonly reports: number;
  /** When the last one was made; null before. */
  readonly reportedMs: number | null;
  /** Those that Temporal has not taken yet, oldest first. */
  readonly unsent: readonly AlertReport[];
}

/** Without an event the monitor hears so often how things are. */
const VIEW_EVERY_MS = 10 * 60_000;

/** A watch that begins now, under a name that no other one has. */
export function newAlertProgress(name: string, nowMs: number): AlertProgress {
  return { name, alerts: newAlerts(nowMs), reports: 0, reportedMs: null, unsent: [] };
}

/** One more poll. */
export function alertProgress(
  rules: AlertRules,
  before: AlertProgress,
  poll: AlertPoll,
  nowMs: number,
): AlertProgress {
  const { state: alerts, events } = alertStep(rules, before.alerts, poll, nowMs);
  const { reportedMs } = before;
  const isDue = reportedMs === null || nowMs - reportedMs >= VIEW_EVERY_MS;
  if (events.length === 0 && (!isDue || before.unsent.length > 0)) return { ...before, alerts };
  const reports = before.reports + 1;
  // A worker that was killed may see other things the second time: then it is another report.
  const saw = events.map(({ kind, key }) => `${kind} ${key}`).join(', ');
  const report = { key: `${before.name}/${reports}/${saw}`, events, view: viewOf(alerts) };
  return { ...before, alerts, reports, reportedMs: nowMs, unsent: [...before.unsent, report] };
}

function viewOf({ polledMs, lastSeenMs, scene, firing, watches }: AlertState): AlertView {
  const values = Object.entries(watches).map(([key, { measured, atMs }]) => [key, { measured, atMs }]);
  return { polledMs, lastSeenMs, scene, firing, watches: Object.fromEntries(values) };
}

/** A report out of whatever a signal carried; null where it is none. Never throws. */
export function readAlertReport(payload: unknown): AlertReport | null {
  if (typeof payload !== 'object' || payload === null) return null;
  const { key, events, view } = payload as Partial<AlertReport>;
  const whole = typeof key === 'string' && Array.isArray(events) && typeof view === 'object';
  return whole && view !== null ? { key, events, view } : null;
}
