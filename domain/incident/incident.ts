import type { AlertRule, Severity } from '../alerts/rules.ts';
import { ALERT_METRICS } from '../alerts/rules.ts';
import type { Alert, AlertEvent } from '../alerts/state.ts';
import type { MetricValue } from '../core/metric-value.ts';
import { clip } from './postmortem.ts';

/**
 * Groups critical alerts that did not trigger a rollback. (A rollback writes its own post-mortem.) Plain JSON: it travels
 * from one run of the monitor to the next.
 */
export interface Incident {
  /** Of the alert that began it, and when: one draft for each. */
  readonly id: string;
  readonly service: string;
  readonly alerts: readonly IncidentAlert[];
  /** Oldest first. */
  readonly timeline: readonly IncidentEntry[];
}

/** One alert of an incident, whatever its severity. */
export interface IncidentAlert {
  readonly key: string;
  readonly name: string;
  readonly severity: Severity;
  readonly metric: Alert['metric'];
  readonly lane: Alert['lane'];
  readonly release: string | null;
  readonly run: Alert['run'];
  /** When what it is about began, by the time that its rule wants it to last. */
  readonly beganMs: number;
  readonly firedMs: number;
  /** Null while it fires. */
  readonly endedMs: number | null;
  /** The rule's sentence, when it fired. */
  readonly says: string;
  readonly worst: MetricValue;
  readonly last: MetricValue;
}

interface IncidentEntry {
  readonly atMs: number;
  readonly text: string;
}

/** What came of an event, beside the event itself. */
export interface IncidentNews {
  readonly service: string;
  readonly rule: AlertRule | null;
  readonly says: string;
  /** What the monitor did, and what it could not do. */
  readonly did: readonly string[];
  /** Whether the monitor signalled a rollback because of it. */
  readonly handedOver: boolean;
  readonly nowMs: number;
}

/** So much is kept of an incident that lasts for weeks. */
const MOST_ALERTS = 20;
const MOST_ENTRIES = 60;

/** The incident after an alert's event; null where there is none. It begins with a critical alert that is nobody else's. */
export function incidentAfter(
  before: Incident | null,
  event: AlertEvent,
  news: IncidentNews,
): Incident | null {
  const { key, alert, kind } = event;
  const begins = kind === 'fired' && alert.severity === 'critical' && !news.handedOver;
  if (before === null && !begins) return null;
  const incident: Incident = before ?? {
    id: `${key}/${alert.sinceMs}`,
    service: news.service,
    alerts: [],
    timeline: [],
  };
  const known = incident.alerts.findLastIndex((one) => one.key === key && one.endedMs === null);
  const alerts =
    kind === 'fired' && !news.handedOver
      ? [...incident.alerts, firstOf(event, news)]
      : incident.alerts.map((one, i) => (i === known ? afterEvent(one, event, news.nowMs) : one));
  const about = `${alert.name}${alert.lane === null ? '' : ` (${alert.lane} ${alert.release ?? 'without a release'})`}`;
  const texts = [`${WORDS[kind]}: ${about}: ${news.says}`, ...news.did];
  return texts.reduce((so, text) => withEntry(so, news.nowMs, text), {
    ...incident,
    alerts: bounded(alerts),
  });
}

const WORDS = {
  fired: 'fired',
  repeated: 'fires again',
  reminder: 'still fires',
  resolved: 'over',
  stale: 'no longer watched',
} as const satisfies Record<AlertEvent['kind'], string>;

/** The incident with one more line; in the middle of a long one, lines are left out. */
export function withEntry(incident: Incident, atMs: number, text: string): Incident {
  const { timeline } = incident;
  const kept = timeline.length < MOST_ENTRIES ? timeline : timeline.filter((_, i) => i !== MOST_ENTRIES / 2);
  return { ...incident, timeline: [...kept, { atMs, text: clip(text) }] };
}

/** The incident with what the alerts that fire now measure. */
export function incidentSeen(incident: Incident, firing: Readonly<Record<string, Alert>>): Incident {
  const alerts = incident.alerts.map((one) => {
    const now = firing[one.key];
    return one.endedMs !== null || now === undefined ? one : measuredAgain(one, now.measured);
  });
  return { ...incident, alerts };
}

/** Whether none of its critical alerts fires any more. */
export function isOver({ alerts }: Incident): boolean {
  return alerts.every(({ severity, endedMs }) => severity !== 'critical' || endedMs !== null);
}

function firstOf({ key, alert }: AlertEvent, { rule, says }: IncidentNews): IncidentAlert {
  const { name, severity, metric, lane, release, run, sinceMs, measured } = alert;
  return {
    key,
    name,
    severity,
    metric,
    lane,
    release,
    run,
    beganMs: sinceMs - (rule?.forMs ?? 0),
    firedMs: sinceMs,
    endedMs: null,
    says: clip(says),
    worst: measured,
    last: measured,
  };
}

function afterEvent(one: IncidentAlert, { kind, alert }: AlertEvent, nowMs: number): IncidentAlert {
  const endedMs = kind === 'resolved' || kind === 'stale' ? nowMs : null;
  return { ...measuredAgain(one, alert.measured), endedMs };
}

function measuredAgain(one: IncidentAlert, last: MetricValue): IncidentAlert {
  return { ...one, last, worst: isWorse(one, last) ? last : one.worst };
}

function isWorse({ metric, worst }: IncidentAlert, now: MetricValue): boolean {
  if (metric === null || now.kind !== 'value') return false;
  if (worst.kind !== 'value') return true;
  return ALERT_METRICS[metric].worse === 'over' ? now.value > worst.value : now.value < worst.value;
}

/** Those that fire, and the newest of the others. */
function bounded(alerts: readonly IncidentAlert[]): readonly IncidentAlert[] {
  if (alerts.length <= MOST_ALERTS) return alerts;
  const oldestOver = alerts.findIndex(({ endedMs }) => endedMs !== null);
  return alerts.filter((_, i) => i !== oldestOver);
}
