import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { TASK_QUEUE } from '../domain/core/task-queues.ts';
import type { StackPorts } from './ports.ts';
import type { ProcessSpec, RunningProcess } from './process.ts';
import { nodeCommand } from './process.ts';
import { ROOT } from '../platform/node-command.ts';
import type { Part, StackOptions } from './stack-options.ts';

interface PartDescription {
  readonly spec: ProcessSpec;
  readonly says: string;
  ready(process: RunningProcess): Promise<unknown>;
}

/** A lane of a large release takes its time to be read and checked. */
const READY_WITHIN_MS = 60_000;

/** The gateway writes it at its first boot. */
export function tokenFile({ dataDir }: StackOptions): string {
  return join(dataDir, 'run', 'control-token');
}

/** Written by the gateway, read by the worker. */
function ingestLog({ dataDir }: StackOptions): string {
  return join(dataDir, 'gateway', 'ingest', 'log.jsonl');
}

/** How each part is started, and how it says that it is ready. */
export function describeParts(options: StackOptions, ports: StackPorts): Record<Part, PartDescription> {
  const { dataDir } = options;
  const spec = (name: Part, command: readonly string[], env: Record<string, string>): ProcessSpec => ({
    name,
    command,
    env: { ...env, ...options.env?.[name] },
    logFile: join(dataDir, 'logs', `${name}.log`),
    onUnexpectedExit: (reason) => options.onUnexpectedExit?.(reason, name),
  });
  const temporalAddress = `127.0.0.1:${ports.temporal}`;
  return {
    temporal: {
      spec: spec('temporal', temporalCommand(dataDir, ports), {}),
      says: `Temporal    ${temporalAddress}, web UI http://127.0.0.1:${ports.temporalUi}`,
      ready: (process) =>
        Promise.race([connects(temporalAddress, process), process.firstLine(() => null, 60_000)]),
    },
    gateway: {
      spec: spec('gateway', nodeCommand('serving/gateway/main'), gatewayEnv(options, ports)),
      says: `gateway     http://127.0.0.1:${ports.gateway} (control on ${ports.control}), stable ${options.stableRelease}`,
      async ready(process) {
        await process.firstLine(event('listening'), 60_000);
        await answers(`http://127.0.0.1:${ports.gateway}/ready`, process);
      },
    },
    worker: {
      spec: spec('worker', nodeCommand('worker/main'), workerEnv(options, ports, temporalAddress)),
      says: `worker      task queue ${options.env?.worker?.['TASK_QUEUE'] ?? TASK_QUEUE}, health http://127.0.0.1:${ports.workerHealth}/health`,
      ready: (process) => process.firstLine(event('started'), 60_000),
    },
  };
}

function temporalCommand(dataDir: string, ports: StackPorts): string[] {
  const flags = {
    '--ip': '127.0.0.1',
    '--port': String(ports.temporal),
    '--ui-port': String(ports.temporalUi),
    '--db-filename': join(dataDir, 'temporal.db'),
    '--log-level': 'error',
    // A worker that dies in the middle of a workflow's task is missed after 5 s, not 10: a rollback waits for it.
    '--dynamic-config-value': 'history.defaultWorkflowTaskTimeout="5s"',
  };
  return [join(ROOT, '.data/bin/temporal'), 'server', 'start-dev', ...Object.entries(flags).flat()];
}

function gatewayEnv(options: StackOptions, ports: StackPorts): Record<string, string> {
  return {
    GATEWAY_HOST: '127.0.0.1',
    GATEWAY_PORT: String(ports.gateway),
    CONTROL_HOST: '127.0.0.1',
    CONTROL_PORT: String(ports.control),
    CONTROL_TOKEN_FILE: tokenFile(options),
    RELEASES_DIR: options.releasesDir,
    STATE_DIR: join(options.dataDir, 'gateway'),
    INGEST_LOG: ingestLog(options),
    STABLE_RELEASE: options.stableRelease,
  };
}

function workerEnv(options: StackOptions, ports: StackPorts, temporal: string): Record<string, string> {
  return {
    TEMPORAL_ADDRESS: temporal,
    TASK_QUEUE,
    GATEWAY_URL: `http://127.0.0.1:${ports.gateway}`,
    CONTROL_URL: `http://127.0.0.1:${ports.control}`,
    CONTROL_TOKEN_FILE: tokenFile(options),
    RELEASES_DIR: options.releasesDir,
    ARTIFACTS_DIR: options.artifactsDir,
    PLANS_DIR: options.plansDir,
    ...(options.prodDocsDir === undefined ? {} : { PROD_DOCS_DIR: options.prodDocsDir }),
    INGEST_LOG: ingestLog(options),
    WORKER_METRICS_PORT: String(ports.workerMetrics),
    WORKER_HEALTH_PORT: String(ports.workerHealth),
    NOTIFY_SENT_FILE: join(options.dataDir, 'worker', 'notified.json'),
  };
}

/** Picks the JSON line `{"event": name}` that our processes print when they are ready. */
function event(name: string): (line: string) => true | null {
  return (line) => (line.startsWith(`{"event":"${name}"`) ? true : null);
}

/** Resolves when that address answers 200; throws with what it says instead when it does not in time. */
async function answers(url: string, { ended }: RunningProcess): Promise<void> {
  const over = AbortSignal.any([AbortSignal.timeout(READY_WITHIN_MS), aborted(ended)]);
  let last = 'no answer';
  while (!over.aborted) {
    const answer = await fetch(url, { signal: over }).catch(() => null);
    if (answer?.ok === true) return;
    if (answer !== null) last = await answer.text();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} does not answer 200: ${last}`);
}

/** A signal that aborts when that has happened. */
function aborted(happened: Promise<unknown>): AbortSignal {
  const controller = new AbortController();
  void happened.finally(() => controller.abort());
  return controller.signal;
}

/** Resolves when Temporal's default namespace answers at the address; gives up when the process has ended. */
async function connects(address: string, { ended }: RunningProcess): Promise<void> {
  const over = aborted(ended);
  while (!over.aborted) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: '1 second' });
      await connection.workflowService.describeNamespace({ namespace: 'default' });
      return await connection.close();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error('temporal ended while it started');
}
