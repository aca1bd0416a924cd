import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  isCancellation,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { AlertRules } from '../../domain/alerts/rules.ts';
import type { AlertProgress, AlertReport, AlertView } from '../../domain/alerts/reports.ts';
import { MONITOR_SAW, readAlertReport } from '../../domain/alerts/reports.ts';
import type { Incident } from '../../domain/incident/incident.ts';
import type { MonitorInput } from '../../domain/alerts/input.ts';
import { monitorId, readMonitorInput } from '../../domain/alerts/input.ts';
import type { MonitorStatus } from '../../domain/alerts/monitor-status.ts';
import { monitorMarkdown, monitorStatus } from '../../domain/alerts/monitor-status.ts';
import type { Packed } from '../../domain/core/packed.ts';
import { AlertResponder } from './alert-responder.ts';
import { identity } from '../runtime/identity.ts';
import { IncidentLog } from './incident-log.ts';
import { monitorActivities } from './activities.ts';
import { decoded } from '../runtime/payload-converter.ts';

/** A run lasts so long; the next one has a new history, and reads the rules again. */
const RUN_MS = 2 * 3_600_000;
/** Keys of reports that are remembered: one that comes twice comes soon. */
const REMEMBERED = 50;

/** What one run leaves to the next. */
interface Carried {
  readonly rules: AlertRules;
  readonly progress: Packed<AlertProgress>;
  /** What the query says; null before the first report. */
  readonly view: AlertView | null;
  readonly taken: readonly string[];
  /** Null while nothing critical fires. */
  readonly incident: Incident | null;
}

/** What its watch sends it. */
const monitorSaw = defineSignal<[unknown?]>(MONITOR_SAW);

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
  const inbox: AlertReport[] = [];
  let rules: AlertRules | null = carried?.rules ?? null;
  let view: AlertView | null = carried?.view ?? null;
  let taken = carried?.taken ?? [];
  setHandler(alertsQuery, () => monitorStatus(input.service, rules, view), {
    description: 'What fires now, since when, and the last values',
  });
  setHandler(monitorSaw, (payload) => {
    const report = readAlertReport(payload);
    if (report === null || taken.includes(report.key)) return;
    taken = [...taken, report.key].slice(-REMEMBERED);
    inbox.push(report);
  });
  const incidents = new IncidentLog(carried?.incident ?? null);
  const responder = new AlertResponder(input.service, incidents);
  const takeUp = async (now: AlertRules) => {
    for (let report = inbox.shift(); report !== undefined; report = inbox.shift()) {
      view = report.view;
      for (const event of report.events) await responder.respond(event, now, report.view);
      incidents.see(report.view);
      show(monitorStatus(input.service, now, view));
    }
  };
  try {
    rules = await rulesNow(input, rules, responder);
    show(monitorStatus(input.service, rules, view));
    const run = { over: false };
    const watching = monitorActivities()
      .watchAlerts({ service: input.service, rules, carried: carried?.progress ?? null, stretchMs: RUN_MS })
      .finally(() => {
        run.over = true;
      });
    watching.catch(() => {}); // It is heard below.
    while (!run.over) {
      await condition(() => run.over || inbox.length > 0);
      await takeUp(rules);
    }
    const progress = await watching;
    do {
      await takeUp(rules);
      await responder.settled();
    } while (inbox.length > 0);
    return await continueAsNew<typeof monitor>(raw, {
      rules,
      progress,
      view,
      taken,
      incident: incidents.open,
    });
  } catch (error) {
    if (isCancellation(error)) await leave(incidents, view);
    throw error;
  }
}

/** The monitor is cancelled: nobody will see the end of an incident, so its draft is written as it stands. */
function leave(incidents: IncidentLog, view: AlertView | null): Promise<void> {
  return CancellationScope.nonCancellable(async () =>
    incidents.abandon('the monitor was cancelled while it fired', view?.polledMs ?? Date.now()),
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
    void responder.notify({
      severity: 'warning',
      title: `the alert rules ${name} cannot be read; the ones before stay`,
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
