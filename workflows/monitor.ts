import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  continueAsNew,
  defineQuery,
  isCancellation,
  patched,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { AlertRules } from '../domain/alert-rules.ts';
import type { AlertState } from '../domain/alert-state.ts';
import type { Incident } from '../domain/incident.ts';
import type { MonitorInput } from '../domain/monitor-input.ts';
import { monitorId, readMonitorInput } from '../domain/monitor-input.ts';
import type { MonitorStatus } from '../domain/monitor-status.ts';
import { monitorMarkdown, monitorStatus } from '../domain/monitor-status.ts';
import { AlertResponder } from './alert-responder.ts';
import { identity } from './identity.ts';
import { IncidentLog } from './incident-log.ts';
import { monitorActivities } from './monitor-activities.ts';
import { decoded } from './payload-converter.ts';

/** One watch activity lasts at most this long; it ends earlier with an event. What the query says is that old at most. */
const STRETCH_MS = 2 * 60_000;
/** Then a new history begins, and the rules are read anew. */
const STRETCHES_PER_RUN = 60;

/** What one run leaves to the next. */
interface Carried {
  readonly rules: AlertRules;
  readonly state: AlertState | null;
  /** Null while nothing critical fires; runs from before there were any leave none. */
  readonly incident?: Incident | null;
}

/** What fires now, since when, and the last values. */
const alertsQuery = defineQuery<MonitorStatus>('alerts');

/**
 * Watches a service for ever: `{"service":"retriever","rules":"runbook"}`, all with a default. Judges the rules of
 * plans/alerts, tells people, signals the rollout under way, and proposes or begins what mends it. What is an alert, and
 * what follows from it, is decided in domain/; this waits and calls.
 */
export async function monitor(raw?: unknown, carried?: Carried): Promise<never> {
  const input = checkedInput(raw);
  decoded(carried);
  let rules: AlertRules | null = carried?.rules ?? null;
  let state: AlertState | null = carried?.state ?? null;
  setHandler(alertsQuery, () => monitorStatus(input.service, rules, state), {
    description: 'What fires now, since when, and the last values',
  });
  const incidents = patched('incident drafts') ? new IncidentLog(carried?.incident ?? null) : null;
  const responder = new AlertResponder(input.service, incidents);
  try {
    rules = await rulesNow(input, rules, responder);
    for (let stretch = 0; stretch < STRETCHES_PER_RUN; stretch++) {
      show(monitorStatus(input.service, rules, state));
      const { watchAlerts } = monitorActivities();
      const result = await watchAlerts({ service: input.service, rules, state, stretchMs: STRETCH_MS });
      state = result.state;
      for (const event of result.events) await responder.respond(event, rules, state);
      incidents?.see(state);
      if (workflowInfo().continueAsNewSuggested) break;
    }
    await responder.settled();
  } catch (error) {
    if (isCancellation(error)) await leave(incidents, state);
    throw error;
  }
  return continueAsNew<typeof monitor>(raw, { rules, state, incident: incidents?.open ?? null });
}

/** The monitor is cancelled: nobody will see the end of an incident, so its draft is written as it stands. */
function leave(incidents: IncidentLog | null, state: AlertState | null): Promise<void> {
  return CancellationScope.nonCancellable(async () =>
    incidents?.abandon('the monitor was cancelled while it fired', state?.polledMs ?? Date.now()),
  );
}

function checkedInput(raw: unknown): MonitorInput {
  const read = readMonitorInput(raw ?? undefined);
  if ('problems' in read)
    throw ApplicationFailure.nonRetryable(`wrong input: ${read.problems.join('; ')}`, 'WrongInput');
  const { workflowId } = workflowInfo();
  const rightId = monitorId(read.input.service);
  if (workflowId === rightId) return read.input;
  throw ApplicationFailure.nonRetryable(
    `the monitor of ${read.input.service} has the workflow id ${rightId}, not ${workflowId}`,
    'WrongInput',
  );
}

/** The rules as they are in the file now. Where an edit made them wrong, the ones before go on, and a person hears why. */
async function rulesNow(
  { service, rules: name }: MonitorInput,
  before: AlertRules | null,
  responder: AlertResponder,
): Promise<AlertRules> {
  try {
    return await monitorActivities().loadAlertRules({ service, rules: name });
  } catch (error) {
    if (!(error instanceof ActivityFailure) || !(error.cause instanceof ApplicationFailure)) throw error;
    if (before === null) throw ApplicationFailure.nonRetryable(error.cause.message, 'WrongInput');
    void responder.tell({
      severity: 'warning',
      title: `the alert rules ${name} can not be read; the ones before stay`,
      text: error.cause.message,
      dedupeKey: `${identity().runId}/rules/${Date.now()}`,
    });
    return before;
  }
}

function show(status: MonitorStatus): void {
  setCurrentDetails(
    monitorMarkdown(status, (ms) => new Date(ms).toISOString().slice(0, 16).replace('T', ' ')),
  );
}
