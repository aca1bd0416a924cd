import type { AlertRules } from './rules.ts';
import { SEVERITIES } from './rules.ts';
import type { Alert, AlertEvent, AlertState } from './state.ts';

/** Who hears of what fires: once, and again after the reminder's time, or when the next evaluation says so too. */
export function dueMessages(
  firing: AlertState['firing'],
  watches: AlertState['watches'],
  { reminderMs }: AlertRules,
  nowMs: number,
): { readonly firing: AlertState['firing']; readonly events: readonly AlertEvent[] } {
  const due = Object.entries(firing).flatMap(([key, alert]): AlertEvent[] => {
    if (isInhibited(alert, firing) || isFading(key, alert, watches, nowMs)) return [];
    const kind = dueNotification(alert, reminderMs, nowMs);
    return kind === null
      ? []
      : [{ kind, key, alert: { ...alert, notifiedMs: nowMs, notifiedEvaluationMs: alert.evaluationMs } }];
  });
  const after = Object.fromEntries(due.map(({ key, alert }) => [key, alert]));
  return { firing: { ...firing, ...after }, events: due };
}

/** What is due of an alert that fires; null where nothing is new, or what lasts is not worth a reminder yet. */
function dueNotification(
  { notifiedMs, severity, evaluationMs, notifiedEvaluationMs }: Alert,
  reminderMs: number,
  nowMs: number,
): 'fired' | 'repeated' | 'reminder' | null {
  if (notifiedMs === null) return 'fired';
  if (severity === 'info') return null;
  if (notifiedEvaluationMs !== null && evaluationMs !== notifiedEvaluationMs) return 'repeated';
  return nowMs - notifiedMs >= reminderMs ? 'reminder' : null;
}

/** A more severe alert covered it until now, and by now it is within its limit again. */
function isFading(
  key: string,
  { notifiedMs, sinceMs }: Alert,
  watches: AlertState['watches'],
  nowMs: number,
): boolean {
  return notifiedMs === null && sinceMs < nowMs && watches[key]?.polls.at(-1)?.verdict === 'pass';
}

/** One page for one trouble: the more severe alert of the same metric and lane speaks for both. */
function isInhibited({ metric, lane, severity }: Alert, firing: AlertState['firing']): boolean {
  const rank = SEVERITIES.indexOf(severity);
  return Object.values(firing).some(
    (other) =>
      metric !== null &&
      other.metric === metric &&
      other.lane === lane &&
      SEVERITIES.indexOf(other.severity) < rank,
  );
}
