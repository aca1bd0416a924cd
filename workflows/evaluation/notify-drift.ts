import { sleep } from '@temporalio/workflow';
import type { DriftFinding } from '../../domain/evaluation/drift.ts';
import { driftNotifications } from '../../domain/evaluation/drift.ts';
import type { HistoryEntry } from '../../domain/evaluation/history.ts';
import { activities, permanentReason } from '../runtime/activities.ts';
import type { Notification } from '../../domain/notification/notification.ts';

/**
 * Time for `monitor` to see the new evaluation: its rules look at least once a minute. What it says has the way back
 * with it, and the rollout; this tells what nobody watches, and the key that both have keeps it from being told twice.
 */
const MONITOR_FIRST_MS = 2 * 60_000;

/** Tells a person what an evaluation found to be wrong, unless `monitor` has; nothing where nothing is. */
export async function tellDrift(entry: HistoryEntry, drift: readonly DriftFinding[]): Promise<void> {
  const notifications = driftNotifications(entry, drift);
  if (notifications.length === 0) return;
  await sleep(MONITOR_FIRST_MS, { summary: 'then what no monitor has told is told' });
  for (const notification of notifications) await tell(notification);
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
