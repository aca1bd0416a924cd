import type { MitigationPlace } from './mitigation.ts';
import { proposalOf } from './mitigation.ts';
import type { AlertMetric, AlertRule, AlertRules } from './rules.ts';
import { ALERT_METRICS, BLIND, NO_EVALUATION, NO_WEEKLY } from './rules.ts';
import type { Alert, AlertEvent } from './state.ts';
import { asCode, rollbackCommand } from '../notification/commands.ts';
import { formatPercent, formatPoints } from '../core/units.ts';
import type { Notification } from '../notification/notification.ts';

/** One event as a message: what happened, of which release and run, and what to do about it. */
export function alertNotification(
  { kind, key, alert }: AlertEvent,
  rules: AlertRules,
  about: Pick<MitigationPlace, 'service' | 'taskQueue' | 'scene'> & { readonly nowMs: number },
): Notification {
  const rule = rules.rules.find(({ name }) => name === alert.name) ?? null;
  const lasted = duration(about.nowMs - alert.sinceMs);
  const what = formatAlert(rule, alert);
  const over = kind === 'resolved' || kind === 'stale';
  const titles = {
    fired: what,
    repeated: `again: ${what}`,
    reminder: `still, after ${lasted}: ${what}`,
    resolved: `resolved after ${lasted}: ${what}`,
    stale: `no longer watched, after ${lasted}: ${what}`,
  };
  return {
    severity: over ? lower(alert) : alert.severity,
    title: `${alert.name}: ${titles[kind]}`,
    text: [...factsOf(alert, about), ...(over ? [] : adviceOf(rule, alert, about))].join('\n'),
    dedupeKey: keyOf({ kind, key, alert }, about.service),
    incident: { key: `monitor/${about.service}/${key}/${alert.sinceMs}`, over, severity: alert.severity },
  };
}

/** An evaluation names its message, whoever evaluates the rules on it and however often: a person hears of it once. */
function keyOf({ kind, key, alert }: AlertEvent, service: string): string {
  const { name, release, evaluationMs } = alert;
  const fires = kind === 'fired' || kind === 'repeated';
  if (fires && release !== null && evaluationMs !== null)
    return `monitor/${service}/${name}/${release}/${evaluationMs}`;
  const moment = kind === 'reminder' ? `/${alert.notifiedMs}` : '';
  return `monitor/${service}/${key}/${alert.sinceMs}/${kind}${moment}`;
}

/** Nobody is woken by good news. */
function lower({ severity }: Alert): Notification['severity'] {
  return severity === 'critical' ? 'warning' : severity;
}

/** How the alerts begin that say that nothing can be said. */
const UNSEEN: Readonly<Record<string, string>> = {
  [BLIND]: 'nothing can be measured',
  [NO_EVALUATION]: 'quality is not known',
  [NO_WEEKLY]: 'the weekly maintenance was missed',
};

/** The rule's own sentence with its places filled in. */
export function formatAlert(rule: AlertRule | null, { name, lane, release, measured, why }: Alert): string {
  const reason = measured.kind === 'value' ? '' : measured.reason;
  if (rule === null) return `${UNSEEN[name] ?? 'rules cannot be judged'}: ${reason}`;
  const { metric, limit, forMs } = rule;
  const value = measured.kind === 'value' ? measured.value : null;
  const places: Readonly<Record<string, string>> = {
    lane: lane ?? 'the service',
    release: release ?? 'no release',
    value: value === null ? reason : formatValue(metric, value),
    limit: formatValue(metric, limit),
    for: duration(forMs),
    why: why ?? reason,
    samples: measured.kind === 'value' ? String(measured.n) : 'no',
    beyond: value === null ? reason : formatValue(metric, Math.abs(value - limit)),
  };
  return rule.says.replaceAll(/\{(\w+)\}/g, (whole, place: string) => places[place] ?? whole);
}

function factsOf({ lane, release, run }: Alert, { service }: { readonly service: string }): string[] {
  return [
    `service ${service}${release === null ? '' : `, release ${release}${lane === null ? '' : ` (${lane})`}`}`,
    ...(run === null ? [] : [`rollout ${run.workflowId}, run ${run.runId}`]),
  ];
}

function adviceOf(
  rule: AlertRule | null,
  { lane, severity }: Alert,
  { service, taskQueue, scene }: Pick<MitigationPlace, 'service' | 'taskQueue' | 'scene'>,
): string[] {
  const metric = rule?.metric ?? null;
  const place: MitigationPlace = { service, taskQueue, lane: lane ?? 'stable', metric, scene };
  const steps = (rule?.mitigate ?? []).map(({ do: name, how }) => {
    const { words, command } = proposalOf(name, place);
    const begun = how === 'start' ? ' (begun by the monitor)' : '';
    return `- ${words}${begun}${command === null ? '' : `: ${asCode(command)}`}`;
  });
  // After a promotion nothing here knows the release to go back to: the operator names it.
  const target = scene === null || scene.candidate === null ? null : scene.stable;
  const back = severity === 'critical' ? [`users back: ${rollbackCommand(target)}`] : [];
  const risk = rule?.risk ?? null;
  return [
    ...(risk === null ? [] : [`risk: ${risk}`]),
    ...steps,
    ...back,
    ...(rule === null ? [] : [`runbook: ${rule.runbook}`]),
  ];
}

/** A value in its metric's unit. */
export function formatValue(metric: AlertMetric, value: number): string {
  const { unit } = ALERT_METRICS[metric];
  switch (unit) {
    case 'share':
      return formatPercent(value);
    case 'points':
      return formatPoints(value, 1);
    case 'ms':
      return `${Number(value.toFixed(1))} ms`;
    case 'norm':
      return value.toExponential(1);
    case 'ratio':
      return `x${Number(value.toFixed(1))}`;
    default:
      return unit satisfies never;
  }
}

/** `90 s`, `30 min`, `26 h`: the largest unit of which there are two, or the right one. */
function duration(ms: number): string {
  if (ms < 2 * 60_000) return `${Math.round(ms / 1000)} s`;
  return ms < 2 * 3_600_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}
