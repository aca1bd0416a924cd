import { patched, sleep } from '@temporalio/workflow';
import type { Notification } from '../domain/contract.ts';
import type { DriftFinding } from '../domain/drift.ts';
import { driftNotifications, driftSeverity } from '../domain/drift.ts';
import type { HistoryEntry } from '../domain/evaluation-history.ts';
import { activities, permanentReason } from './activities.ts';

/**
 * Time for `monitor` to see the new evaluation: its rules look at least once a minute. What it says has the way back
 * with it, and the rollout; this tells what nobody watches, and the key that both have keeps it from being told twice.
 */
const MONITOR_FIRST_MS = 2 * 60_000;

/** Tells a person what an evaluation found to be wrong, unless `monitor` has; nothing where nothing is. */
export async function tellDrift(entry: HistoryEntry, drift: readonly DriftFinding[]): Promise<void> {
  const severity = driftSeverity(drift);
  if (severity === null) return;
  if (!patched('drift by metric')) return tellAllDrift(entry, severity, drift);
  await sleep(MONITOR_FIRST_MS, { summary: 'then what no monitor has told is told' });
  for (const notification of driftNotifications(entry, drift)) await tell(notification);
}

/** In one message, as evaluations did that began before `monitor` was waited for. */
async function tellAllDrift(
  { release, date, kind, key }: HistoryEntry,
  severity: Notification['severity'],
  drift: readonly DriftFinding[],
): Promise<void> {
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
