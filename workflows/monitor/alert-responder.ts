import {
  CancellationScope,
  ChildWorkflowFailure,
  ParentClosePolicy,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  sleep,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { MitigationStart, RolloutSignal } from '../../domain/alerts/mitigation.ts';
import { rolloutSignal, startOf } from '../../domain/alerts/mitigation.ts';
import type { AlertRules } from '../../domain/alerts/rules.ts';
import { alertNotification, formatAlert } from '../../domain/alerts/alert-message.ts';
import type { AlertView } from '../../domain/alerts/reports.ts';
import type { AlertEvent } from '../../domain/alerts/state.ts';
import { signals } from '../runtime/messages.ts';
import type { IncidentLog } from './incident-log.ts';
import { monitorActivities } from './activities.ts';
import type { Notification } from '../../domain/notification/notification.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

const ACCEPTS_WITHIN_MS = 10_000;

/** What was done, or why not. */
interface Attempt {
  readonly says: string;
  readonly worked: boolean;
}

/** What the monitor does about an alert: the rollout first, then what may be begun, and a person in any case. */
export class AlertResponder {
  private readonly service: string;
  private readonly incidents: IncidentLog | null;
  private readonly notifications: Promise<unknown>[] = [];
  /** The newest message about each alert. */
  private readonly newest = new Map<string, Promise<string | null>>();

  constructor(service: string, incidents: IncidentLog | null) {
    this.service = service;
    this.incidents = incidents;
  }

  /** Never throws but where the workflow is cancelled: what cannot be done is said in the message. */
  async respond(event: AlertEvent, rules: AlertRules, state: AlertView): Promise<void> {
    const { service } = this;
    const rule = rules.rules.find(({ name }) => name === event.alert.name) ?? null;
    const what = formatAlert(rule, event.alert);
    const says = `${event.alert.name}: ${what}`;
    const done: Attempt[] = [];
    const signal = rolloutSignal(event, state.firing);
    if (signal !== null) done.push(await this.signal(signal, says));
    const handedOver = signal?.signal === 'rollback' && done.every(({ worked }) => worked);
    const place = {
      service,
      lane: event.alert.lane ?? 'stable',
      metric: event.alert.metric,
      scene: state.scene,
    } as const;
    for (const { do: name, how } of event.kind === 'fired' ? (rule?.mitigate ?? []) : []) {
      const start = how === 'start' ? startOf(name, place) : null;
      if (start !== null) done.push(await this.begin(start, says));
    }
    const nowMs = state.polledMs ?? Date.now();
    const { taskQueue } = workflowInfo();
    const note = alertNotification(event, rules, { service, taskQueue, scene: state.scene, nowMs });
    const did = done.map((attempt) => attempt.says);
    const message = { ...note, text: [note.text, ...did].join('\n') };
    const sentTo = this.notify(message, this.newest.get(event.key));
    this.newest.set(event.key, sentTo);
    this.incidents?.follow(event, { service, rule, says: what, did, handedOver, nowMs }, { note, sentTo });
  }

  /**
   * Sends a message beside the watch, a few times where it fails, and `after` an earlier one of the same alert, so that its
   * last message describes its present state. Returns where it went; null where nobody took it.
   */
  notify(notification: Notification, after?: Promise<unknown>): Promise<string | null> {
    const sentTo = (async () => {
      await after;
      const { to } = await monitorActivities().notify(notification);
      return to;
    })().catch(() => null);
    this.notifications.push(sentTo);
    return sentTo;
  }

  /** Resolves when every notification is sent, or given up. */
  async settled(): Promise<void> {
    await Promise.all(this.notifications);
    await this.incidents?.settled();
  }

  private async signal({ workflowId, runId, signal }: RolloutSignal, reason: string): Promise<Attempt> {
    return this.attempt(`${signal} sent to ${workflowId}`, `${signal} not sent to ${workflowId}`, () =>
      // A reset goes on under another run id: whose rollout is meant is said, and another one leaves it be.
      getExternalWorkflowHandle(workflowId).signal(signals[signal], {
        reason,
        by: `monitor/${this.service}`,
        run: runId,
      }),
    );
  }

  private async begin(start: MitigationStart, reason: string): Promise<Attempt> {
    if (start.kind === 'flags') {
      const { lane, flags } = start;
      const by = `monitor/${this.service}`;
      return this.attempt(`reranker of ${lane} switched off`, `the flags of ${lane} are as they were`, () =>
        monitorActivities().setFlags({ lane, flags, by, reason }),
      );
    }
    const { type, workflowId, input } = start;
    return this.attempt(`${workflowId} begun`, `${workflowId} not begun`, async () => {
      const child = await startChild(type, {
        workflowId,
        args: [input],
        // It goes on when the monitor's run ends or is continued as new.
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: reason.slice(0, 200),
      });
      await accepted(child.result());
    });
  }

  /** What was done, or why not: a rollout that has ended or a tuning that runs already are no trouble of the monitor's. */
  private async attempt(done: string, not: string, work: () => Promise<unknown>): Promise<Attempt> {
    try {
      await work();
      return { says: done, worked: true };
    } catch (error) {
      if (isCancellation(error) && CancellationScope.current().consideredCancelled) throw error;
      const said = `${not}: ${errorMessage(error)}`;
      log.warn(said);
      return { says: said, worked: false };
    }
  }
}

/**
 * The server starts a workflow before that workflow has read its input. One that refuses it fails in its first task, which
 * the same worker does next; one that still runs after this time works.
 */
async function accepted(result: Promise<unknown>): Promise<void> {
  const timer = new CancellationScope();
  try {
    await Promise.race([
      result,
      timer.run(() => sleep(ACCEPTS_WITHIN_MS, { summary: 'the mitigation runs' })),
    ]);
  } catch (error) {
    throw error instanceof ChildWorkflowFailure && error.cause !== undefined ? error.cause : error;
  } finally {
    timer.cancel();
    // Its end is its own to report, and nobody waits for it here.
    result.catch(() => {});
  }
}
