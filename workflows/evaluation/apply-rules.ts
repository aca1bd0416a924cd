import type { RulesResult } from '../../domain/contracts/evaluation-activities.ts';
import type { Notification } from '../../domain/notification/notification.ts';
import { activities, permanentReason } from '../runtime/activities.ts';
import { evaluationActivities } from './activities.ts';

/** By whom an evaluation is judged, and what the rules say where that is the evaluation itself. */
export type AppliedRules =
  { readonly by: 'monitor' } | Omit<RulesResult & { by: 'evaluation' }, 'notifications'>;

/**
 * Lets the alert rules judge a recorded evaluation: those of the monitor where one watches the release, else one look here.
 * Returns null where the rules could not be evaluated, of which a person hears.
 */
export async function applyRules(release: string, key: string): Promise<AppliedRules | null> {
  try {
    const result = await evaluationActivities().evaluateRules({ release });
    if (result.by === 'monitor') return result;
    const { notifications, ...findings } = result;
    for (const notification of notifications) await tell(notification);
    return findings;
  } catch (error) {
    await tell({
      severity: 'warning',
      title: `no alert rule judged the evaluation of ${release}`,
      text: `${permanentReason(error)}; it is recorded: start the monitor, or look at it by hand`,
      dedupeKey: `notJudged/${key}`,
    });
    return null;
  }
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
