import type { Notification } from '../domain/contract.ts';
import type { DriftFinding } from '../domain/drift.ts';
import { driftSeverity } from '../domain/drift.ts';
import type { HistoryEntry } from '../domain/evaluation-history.ts';
import { activities, permanentReason } from './activities.ts';

/** Tells a person what an evaluation found to be wrong; nothing where nothing is. */
export async function tellDrift(
  { release, date, kind, key }: HistoryEntry,
  drift: readonly DriftFinding[],
): Promise<void> {
  const severity = driftSeverity(drift);
  if (severity === null) return;
  const bad = drift.filter(({ verdict }) => verdict === 'warn' || verdict === 'red');
  await tell({
    severity,
    title: `data drift: ${release}, ${kind} evaluation of ${date}`,
    text: bad.map(({ reason }) => reason).join('\n'),
    dedupeKey: `drift/${key}`,
  });
}

/** Tells a person; what was found does not depend on whether the message gets through. */
export async function tell(notification: Notification): Promise<void> {
  try {
    await activities().notify(notification);
  } catch (error) {
    permanentReason(error);
  }
}

/** YYYYMMDD in UTC, whatever the zone of the schedule is. */
export function dateOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10).replaceAll('-', '');
}
