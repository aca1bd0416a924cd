import { CancellationScope, log, workflowInfo } from '@temporalio/workflow';
import type { AlertEvent, AlertState } from '../../domain/alerts/state.ts';
import type { Incident, IncidentNews } from '../../domain/incident/incident.ts';
import { incidentAfter, incidentSeen, isOver, withEntry } from '../../domain/incident/incident.ts';
import { permanentReason } from '../runtime/activities.ts';
import { monitorActivities } from './activities.ts';
import type { Notification } from '../../domain/notification/notification.ts';

/** A message about an alert, and where it went once that is known; null where nobody took it. */
interface Told {
  readonly note: Notification;
  readonly telling: Promise<string | null>;
}

/** An incident and the messages whose way is not known yet. */
interface Followed {
  incident: Incident;
  readonly tellings: Promise<void>[];
}

/** Follows incidents from the first critical alert to the end of the last, and leaves the draft of a post-mortem. */
export class IncidentLog {
  private current: Followed | null;
  private readonly writing: Promise<void>[] = [];

  constructor(carried: Incident | null) {
    this.current = carried === null ? null : { incident: carried, tellings: [] };
  }

  /** The one that is not over; null where nothing critical fires. */
  get open(): Incident | null {
    return this.current?.incident ?? null;
  }

  follow(event: AlertEvent, news: IncidentNews, told: Told): void {
    const incident = incidentAfter(this.open, event, news);
    if (incident === null) return;
    const followed = this.current ?? { incident, tellings: [] };
    followed.incident = incident;
    followed.tellings.push(enter(followed, told, news.nowMs));
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
    await Promise.all(this.current?.tellings ?? []);
    await Promise.all(this.writing);
  }
}

async function enter(followed: Followed, { note, telling }: Told, nowMs: number): Promise<void> {
  const to = await telling;
  const way = to === null ? 'nobody was told, no way was open' : `told ${to}`;
  followed.incident = withEntry(followed.incident, nowMs, `${way}, as ${note.severity}: ${note.title}`);
}

/** Beside the watch, after the last message has found its way. */
async function write(followed: Followed, endedMs: number, unfinished: string | null): Promise<void> {
  await Promise.all(followed.tellings);
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
