import { setTimeout as pause } from 'node:timers/promises';
import { ApplicationFailure, activityInfo, cancellationSignal } from '@temporalio/activity';
import { permanently } from '../gateway/plan-failure.ts';
import { readAlertRulesFile } from '../../plan-files/read-files.ts';
import type { EvaluationsResult } from '../../domain/alerts/evaluations.ts';
import type { AlertRules } from '../../domain/alerts/rules.ts';
import type { ServingContext } from '../../domain/alerts/readings.ts';
import { sceneOf } from '../../domain/alerts/serving-context.ts';
import type { AlertProgress } from '../../domain/alerts/reports.ts';
import { MONITOR_SAW, alertProgress, newAlertProgress } from '../../domain/alerts/reports.ts';
import type { SteadyClock } from '../../domain/core/steady-clock.ts';
import type { MonitorActivities } from '../../domain/contracts/monitor-activities.ts';
import type { ControlClient } from '../../clients/gateway-client.ts';
import type { SendSignal } from './long-watch.ts';
import { Reporter, WatchState } from './long-watch.ts';
import type { MetricsSource } from '../../clients/gateway-metrics.ts';

export interface MonitorDeps {
  /** The service whose gateway this worker asks. */
  readonly service: string;
  /** Rules are the .yaml files of its folder `alerts`. */
  readonly plansDir: string;
  readonly control: ControlClient;
  readonly metrics: MetricsSource;
  readonly signal: SendSignal;
  /** The one that `metrics` reads. */
  readonly clock: SteadyClock;
  /** Share of queries with a result above tau that a release promises; null where it does not say. */
  readonly expectedShare: (release: string) => Promise<number | null>;
  readonly evaluations: (nowMs: number) => Promise<EvaluationsResult>;
}

/** The effects of `monitor`: reads its rules, watches gateway and evaluations, sets flags. */
export function createMonitor(deps: MonitorDeps): Omit<MonitorActivities, 'writeIncident'> {
  const { clock } = deps;
  return {
    async loadAlertRules({ service, rules: name }) {
      if (service !== deps.service)
        throw ApplicationFailure.nonRetryable(
          `this worker watches the service ${deps.service}, not ${service}`,
          'WrongRules',
        );
      return readAlertRules(deps.plansDir, name);
    },
    async watchAlerts({ service, rules, carried, stretchMs }) {
      const signal = cancellationSignal();
      const { workflowId = '', runId = '' } = activityInfo().workflowExecution ?? {};
      const state = new WatchState<AlertProgress>(carried, () => newAlertProgress(runId, clock.now()));
      const reporter = new Reporter(state, (report) => deps.signal(workflowId, MONITOR_SAW, report));
      clock.resume(state.current.alerts.polledMs ?? 0);
      const endMs = clock.now() + stretchMs;
      try {
        while (clock.now() < endMs) {
          // Polls keep their distance over the end of a stretch, and over a worker's restart.
          const leftMs = (state.current.alerts.polledMs ?? 0) + rules.pollMs - clock.now();
          if (leftMs > 0) await pause(leftMs, undefined, { signal });
          const nowMs = clock.now();
          const [snapshot, scene, evaluations] = await Promise.all([
            deps.metrics.snapshot(signal),
            sceneNow(deps, service, signal),
            deps.evaluations(nowMs),
          ]);
          state.current = alertProgress(rules, state.current, { snapshot, scene, evaluations }, nowMs);
          reporter.send();
        }
        return state.packed();
      } finally {
        state.end();
      }
    },
    async setFlags({ lane, flags, by, reason }) {
      const result = await deps.control.change({ by, reason, commands: [{ kind: 'setFlags', lane, flags }] });
      if (result.kind === 'refused') throw ApplicationFailure.nonRetryable(result.refusal.reason, 'Refused');
    },
  };
}

/** Who serves what; null where the control listener does not answer. */
export async function sceneNow(
  { control, expectedShare }: Pick<MonitorDeps, 'control' | 'expectedShare'>,
  service: string,
  signal: AbortSignal,
): Promise<ServingContext | null> {
  try {
    const scene = sceneOf(await control.view(signal), service);
    const [stable, candidate] = await Promise.all([
      expectedShare(scene.stable),
      scene.candidate === null ? null : expectedShare(scene.candidate),
    ]);
    return { ...scene, expectedShare: { stable, candidate } };
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

/** Reads and checks plans/alerts/<name>.yaml. Throws a non-retryable failure that names every problem. */
export async function readAlertRules(plansDir: string, name: string): Promise<AlertRules> {
  return permanently('WrongRules', readAlertRulesFile(plansDir, name));
}
