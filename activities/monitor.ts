import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ApplicationFailure, activityInfo, cancellationSignal, heartbeat } from '@temporalio/activity';
import { parse } from 'yaml';
import { parseAlertRules } from '../domain/alert-file.ts';
import type { EvaluationsResult } from '../domain/alert-evaluations.ts';
import type { AlertScene } from '../domain/alert-readings.ts';
import { sceneOf } from '../domain/alert-scene.ts';
import type { AlertState } from '../domain/alert-state.ts';
import { newAlerts } from '../domain/alert-state.ts';
import { alertStep } from '../domain/alerts.ts';
import type { SteadyClock } from '../domain/steady-clock.ts';
import { isName } from '../domain/name.ts';
import type { MonitorActivities } from '../domain/monitor-contract.ts';
import { textOf } from '../retrieval/text/utf8.ts';
import type { ControlClient } from './control.ts';
import type { MetricsSource } from './metrics.ts';

export interface MonitorDeps {
  /** The service whose gateway this worker asks. */
  readonly service: string;
  /** Rules are the .yaml files of its folder `alerts`. */
  readonly plansDir: string;
  readonly control: ControlClient;
  readonly metrics: MetricsSource;
  /** The one that `metrics` reads. */
  readonly clock: SteadyClock;
  /** Share of queries with a result above tau that a release promises; null where it does not say. */
  readonly expectedShare: (release: string) => Promise<number | null>;
  readonly evaluations: (nowMs: number) => Promise<EvaluationsResult>;
}

/** Between two heartbeats while the next poll is waited for: well within the time-out of 20 s. */
const BEAT_MS = 5_000;

/** The effects of `monitor`: reads its rules, watches gateway and evaluations, sets flags. */
export function createMonitor(deps: MonitorDeps): Omit<MonitorActivities, 'writeIncident'> {
  const { clock } = deps;
  return {
    async loadAlertRules({ service, rules: name }) {
      if (service !== deps.service)
        throw wrong(`this worker watches the service ${deps.service}, not ${service}`);
      const parsed = parseAlertRules(yamlOf(await rulesBytes(deps.plansDir, name), name));
      if (!parsed.ok) throw wrong(`alert rules ${name}: ${parsed.problems.join('; ')}`);
      return parsed.rules;
    },
    async watchAlerts({ service, rules, state: before, stretchMs }) {
      const signal = cancellationSignal();
      const beforeRetry: AlertState | undefined = activityInfo().heartbeatDetails;
      let state = beforeRetry ?? before ?? newAlerts(clock.now());
      clock.resume(state.polledMs ?? 0);
      const endMs = clock.now() + stretchMs;
      for (;;) {
        await untilPollIsDue(state, rules.pollMs, clock, signal);
        const nowMs = clock.now();
        const [snapshot, scene, evaluations] = await Promise.all([
          deps.metrics.snapshot(signal),
          sceneNow(deps, service, signal),
          deps.evaluations(nowMs),
        ]);
        const step = alertStep(rules, state, { snapshot, scene, evaluations }, nowMs);
        state = step.state;
        if (step.events.length > 0 || clock.now() >= endMs) return step;
        heartbeat(state);
      }
    },
    async setFlags({ lane, flags, by, reason }) {
      const result = await deps.control.change({ by, reason, flags: { [lane]: flags } });
      if (result.kind === 'refused') throw ApplicationFailure.nonRetryable(result.refusal.reason, 'Refused');
    },
  };
}

/** Polls keep their distance over the end of a stretch, and over a worker's restart. */
async function untilPollIsDue(
  state: AlertState,
  pollMs: number,
  clock: SteadyClock,
  signal: AbortSignal,
): Promise<void> {
  const dueMs = (state.polledMs ?? 0) + pollMs;
  for (let leftMs = dueMs - clock.now(); leftMs > 0; leftMs = dueMs - clock.now()) {
    await pause(Math.min(leftMs, BEAT_MS), undefined, { signal });
    heartbeat(state);
  }
}

/** Who serves what; null where the control listener does not answer. */
async function sceneNow(
  { control, expectedShare }: MonitorDeps,
  service: string,
  signal: AbortSignal,
): Promise<AlertScene | null> {
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

async function rulesBytes(plansDir: string, name: string): Promise<Buffer> {
  const folder = join(plansDir, 'alerts');
  const there = (await readdir(folder))
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -5));
  if (isName(name) && there.includes(name)) return readFile(join(folder, `${name}.yaml`));
  throw wrong(
    `there are no alert rules ${JSON.stringify(name)}; there are: ${there.toSorted().join(', ') || 'none'}`,
  );
}

function yamlOf(bytes: Buffer, name: string): unknown {
  try {
    return parse(textOf(bytes, `${name}.yaml`));
  } catch (error) {
    throw wrong(
      `alert rules ${name} are not YAML: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function wrong(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'WrongRules');
}
