import { DRAFT_NOTE, cell, factLines, toFillIn } from './markdown.ts';
import { formatValue } from '../alerts/alert-message.ts';
import type { Incident, IncidentAlert } from './incident.ts';
import type { MetricValue } from '../core/metric-value.ts';

/** What the activity writes down of an incident. */
export interface IncidentDraft {
  readonly workflowId: string;
  readonly incident: Incident;
  readonly endedMs: number;
  /** Null where it is over; else why nobody follows it any more. */
  readonly unfinished: string | null;
}

/** The draft of a post-mortem of an incident as markdown; times are shown as the caller formats them. */
export function incidentMarkdown(draft: IncidentDraft, time: (ms: number) => string): string {
  const { incident, unfinished } = draft;
  const { alerts, timeline, service } = incident;
  const [first] = alerts.toSorted((a, b) => a.firedMs - b.firedMs);
  return [
    `# incident of ${service}: ${first?.name ?? 'no alert'}${first?.lane ? ` (${first.lane} ${first.release ?? ''})` : ''}`,
    '',
    DRAFT_NOTE,
    '',
    `**What happened.** ${first?.says ?? 'not known'}`,
    ...(unfinished === null ? [] : ['', `**Not over when this was written**: ${unfinished}.`]),
    '',
    ...factLines(facts(draft, time)),
    '',
    '## Alerts',
    '',
    '| alert | severity | lane | release | began | fired | over | worst | last |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...alerts.map((alert) => `| ${alertCells(alert, time).map(cell).join(' | ')} |`),
    '',
    '## Timeline',
    '',
    ...timeline.map(({ atMs, text }) => `- ${time(atMs)} · ${text.replaceAll('\n', ' ')}`),
    '',
    ...toFillIn(QUESTIONS),
  ].join('\n');
}

function facts(
  { incident, endedMs, unfinished, workflowId }: IncidentDraft,
  time: (ms: number) => string,
): [string, string][] {
  const { alerts } = incident;
  const earliest = (pick: (alert: IncidentAlert) => number) => time(Math.min(...alerts.map(pick)));
  const runs = alerts.flatMap(({ run }) => (run === null ? [] : [`${run.workflowId} ${run.runId}`]));
  return [
    ['service', incident.service],
    ['began', `about ${earliest(({ beganMs }) => beganMs)}`],
    ['first alert', earliest(({ firedMs }) => firedMs)],
    ['over', unfinished === null ? time(endedMs) : 'not yet'],
    ['rollout under way', [...new Set(runs)].join(', ') || 'none'],
    ['seen by', workflowId],
  ];
}

function alertCells(alert: IncidentAlert, time: (ms: number) => string): string[] {
  const { name, severity, lane, release, beganMs, firedMs, endedMs } = alert;
  const value = (measured: MetricValue) => formatMeasured(alert, measured);
  return [
    name,
    severity,
    lane ?? '-',
    release ?? '-',
    `about ${time(beganMs)}`,
    time(firedMs),
    endedMs === null ? 'still fires' : time(endedMs),
    value(alert.worst),
    value(alert.last),
  ];
}

function formatMeasured({ metric }: IncidentAlert, measured: MetricValue): string {
  if (measured.kind !== 'value') return measured.reason;
  return metric === null
    ? String(measured.value)
    : `${formatValue(metric, measured.value)} of ${measured.n} samples`;
}

const QUESTIONS = [
  'What did users notice, and who reported it first?',
  'Why did it happen? Which change of the release, the data, the traffic or the machines?',
  'Did the alert come as early as its rule could have come, and did it say what to do?',
  'What ended it, and would it have ended without us?',
  'What went well, and where were we lucky?',
  'What do we change, who does it, and until when?',
] as const;
