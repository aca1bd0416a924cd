import { CancellationScope, log, workflowInfo } from '@temporalio/workflow';
import type { AlertEvent, AlertState } from '../../domain/alerts/state.ts';
import type { Incident, IncidentNews } from '../../domain/incident/incident.ts';
import { incidentAfter, incidentSeen, isOver, withEntry } from '../../domain/incident/incident.ts';
import { permanentReason } from '../runtime/activities.ts';
import { monitorActivities } from './activities.ts';
import type { Notification } from '../../domain/notification/notification.ts';

/** A message about an alert, and where it went once that is known; null where nobody took it. */
interface Delivery {
  readonly note: Notification;
  readonly sentTo: Promise<string | null>;
}

/** An incident and the messages whose way is not known yet. */
interface Followed {
  incident: Incident;
  readonly deliveries: Promise<void>[];
}

/** Follows incidents from the first critical alert to the end of the last, and leaves the draft of a post-mortem. */
export class IncidentLog {
  private current: Followed | null;
  private readonly writing: Promise<void>[] = [];

  constructor(carried: Incident | null) {
    this.current = carried === null ? null : { incident: carried, deliveries: [] };
  }

  /** The one that is not over; null where nothing critical fires. */
  get open(): Incident | null {
    return this.current?.incident ?? null;
  }

  follow(event: AlertEvent, news: IncidentNews, delivery: Delivery): void {
    const incident = incidentAfter(this.open, event, news);
    if (incident === null) return;
    const followed = this.current ?? { incident, deliveries: [] };
    followed.incident = incident;
    followed.deliveries.push(enter(followed, delivery, news.nowMs));
    this.current = followed;
    if (!isOver(incident)) return;
    this.current = null;
    this.writing.push(write(followed, news.nowMs, null));
  }

  /** What the alerts that fire measure now. */
  see({ firing }: Pick<AlertState, 'firing'>): void {
    if (this.current !== null) this.current.incident = incidentSeen(this.current.incident, firing);
  }

  /** Nobody follows it any more: what is known so far is written down. */
  async abandon(why: string, nowMs: number): Promise<void> {
    if (this.current !== null) this.writing.push(write(this.current, nowMs, why));
    this.current = null;
    await this.settled();
  }

  /** Resolves when all drafts are written, or given up. */
  async settled(): Promise<void> {
    await Promise.all(this.current?.deliveries ?? []);
    await Promise.all(this.writing);
  }
}

async function enter(followed: Followed, { note, sentTo }: Delivery, nowMs: number): Promise<void> {
  const to = await sentTo;
  const delivered = to === null ? 'nobody was notified, no route was open' : `notified ${to}`;
  followed.incident = withEntry(followed.incident, nowMs, `${delivered}, as ${note.severity}: ${note.title}`);
}

/** Beside the watch, after the last message has found its way. */
async function write(followed: Followed, endedMs: number, unfinished: string | null): Promise<void> {
  await Promise.all(followed.deliveries);
  const { workflowId } = workflowInfo();
  const { incident } = followed;
  try {
    await CancellationScope.nonCancellable(() =>
      monitorActivities().writeIncident({ workflowId, incident, endedMs, unfinished }),
    );
  } catch (error) {
    log.warn(`no draft of a post-mortem of ${incident.id}: ${permanentReason(error)}`);
  }
}
