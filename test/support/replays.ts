import type { Client } from '@temporalio/client';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { temporal } from '@temporalio/proto';
import { Worker } from '@temporalio/worker';
import { workflowBundle } from '../../worker/bundle.ts';

const EVENTS_SHOWN = 40;
const { EventType } = temporal.api.enums.v1;
type Event = temporal.api.history.v1.IHistoryEvent;

/**
 * Replays each workflow of the server's namespace, also those that go on: what a worker did has to be what the next worker
 * does from the history.
 *
 * @throws with the cause for each that takes another way, and the events that led there
 */
export async function replayAll(client: Client): Promise<void> {
  const bundle = await workflowBundle();
  const wrong: string[] = [];
  for await (const { workflowId, history: any } of client.workflow.list().intoHistories({ concurrency: 2 })) {
    const history = any as History;
    const error = await replayError(bundle, history, workflowId);
    if (error !== null) wrong.push(`${workflowId}: ${error}\n${await wayThere(bundle, history, workflowId)}`);
  }
  if (wrong.length > 0) throw new Error(`replayed in another way than it ran:\n${wrong.join('\n')}`);
}

async function replayError(
  bundle: { readonly code: string },
  history: History,
  workflowId: string,
): Promise<string | null> {
  return Worker.runReplayHistory({ workflowBundle: bundle }, history, workflowId).then(
    () => null,
    (error: unknown) => String(error),
  );
}

/** The last events of the shortest beginning that takes another way already. */
async function wayThere(
  bundle: { readonly code: string },
  history: History,
  workflowId: string,
): Promise<string> {
  const events = history.events ?? [];
  const ends = events.flatMap((event, index) => (event.workflowTaskStartedEventAttributes ? [index] : []));
  for (const end of ends) {
    const beginning = events.slice(0, end + 1);
    if ((await replayError(bundle, { events: beginning }, workflowId)) !== null) return shown(beginning);
  }
  return shown(events);
}

function shown(events: readonly Event[]): string {
  return events.slice(-EVENTS_SHOWN).map(line).join('\n');
}

function line(event: Event): string {
  const type = EventType[event.eventType ?? 0]?.replace('EVENT_TYPE_', '');
  const { seconds, nanos } = event.eventTime ?? {};
  const atMs = Number(seconds) * 1000 + Math.round((nanos ?? 0) / 1e6);
  const signal = event.workflowExecutionSignaledEventAttributes;
  const scheduled = event.activityTaskScheduledEventAttributes;
  const ended = event.activityTaskCompletedEventAttributes ?? event.activityTaskFailedEventAttributes;
  const what =
    signal?.signalName ??
    scheduled?.activityType?.name ??
    (ended ? `of ${String(ended.scheduledEventId)}` : '');
  return `${String(event.eventId)} ${new Date(atMs).toISOString().slice(14, 23)} ${type} ${what}`;
}
