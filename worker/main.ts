/** The worker's process: reads its environment, builds the real clients, and runs until SIGTERM. */
import { Client, WorkflowNotFoundError } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { pino } from 'pino';
import { loopbackWithoutProxy } from '../domain/core/proxy.ts';
import { temporalEnvironment } from '../domain/core/settings.ts';
import { lackingFor } from '../activities/rollback/deployment.ts';
import { createActivities } from '../activities/index.ts';
import { SEARCH_ATTRIBUTES } from '../domain/core/search-attributes.ts';
import type { WorkerConfig } from './config.ts';
import { readConfig } from './config.ts';
import { healthOf, serveHealth } from './health.ts';
import { registerSearchAttributes } from './search-attributes.ts';
import { isAlive } from './sign-of-life.ts';
import { TemporalPulse } from './temporal-pulse.ts';
import type { Member } from './worker-group.ts';
import { WorkerGroup } from './worker-group.ts';
import { createWorkers } from './workers.ts';
import { errorMessage } from '../domain/core/error-message.ts';

/** Names as Prometheus' conventions have them: counters end in `_total`, durations are in seconds and say so. */
const CONVENTIONS = { countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true } as const;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGUSR2'] as const;
const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;
const log = pino({ name: 'worker', serializers: { error: pino.stdSerializers.err } }, pino.destination(2));

/** Once the workers have ended, what else keeps the process is given so long. */
const EXIT_WITHIN_MS = 5_000;

try {
  await main();
  setTimeout(() => process.exit(1), EXIT_WITHIN_MS).unref();
} catch (error) {
  log.fatal({ error }, errorMessage(error));
  // A worker that failed may hang in its shutdown, which would keep the process.
  process.exit(1);
}

async function main(): Promise<void> {
  Object.assign(process.env, loopbackWithoutProxy(process.env));
  const config = readConfig(process.env);
  const lacking = await lackingFor(config.deployment);
  if (lacking !== null) throw new Error(lacking);
  installRuntime(config.metricsAddress);
  let readHealth = () => healthOf([], null);
  const server = await serveHealth(config.health, () => readHealth());
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig({
    overrideEnvVars: temporalEnvironment(process.env),
  });
  const connection = await connect(connectionOptions);
  const pulse = new TemporalPulse(connection);
  const group = new WorkerGroup(await workersOf(config, connection, namespace), (cause) =>
    log.error({ error: cause }, `${cause.message}; all workers of this process shut down`),
  );
  readHealth = () => healthOf(group.status(), pulse.answeredMsAgo());
  pulse.start();
  const running = group.run();
  listen(group);
  process.stdout.write(`${JSON.stringify({ event: 'started', taskQueue: config.taskQueue, namespace })}\n`);
  await running;
  pulse.stop();
  server.close();
  server.closeAllConnections();
  await connection.close();
}

function installRuntime(metricsAddress: string): void {
  Runtime.install({
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => {
      log[LEVELS[level]](meta ?? {}, message);
    }),
    telemetryOptions: { metrics: { prometheus: { bindAddress: metricsAddress, ...CONVENTIONS } } },
    // The group stops its workers itself: it has to know one that ends from one that was stopped.
    shutdownSignals: [],
  });
}

/** What ends the workers besides themselves: signals let them drain, an error that nobody caught is a failure. */
function listen(group: WorkerGroup): void {
  for (const signal of SIGNALS) process.on(signal, () => group.stop());
  for (const event of ['unhandledRejection', 'uncaughtException'] as const)
    process.on(event, (cause: unknown) =>
      group.fail(new Error(`${event}: ${errorMessage(cause)}`, { cause })),
    );
}

async function workersOf(
  config: WorkerConfig,
  connection: NativeConnection,
  namespace: string,
): Promise<Member[]> {
  const registration = await registerSearchAttributes(connection, namespace, SEARCH_ATTRIBUTES);
  if (registration.kind === 'notRegistered')
    log.warn(
      `rollouts run without search attributes (${registration.reason}); to add them: ${registration.command}`,
    );
  // Closed workflows answer queries as well, which would be no sign of life.
  const client = new Client({ connection, namespace, workflow: { queryRejectCondition: 'NOT_OPEN' } });
  const activities = createActivities(config, {
    searchAttributes: registration.kind === 'registered',
    log: (level, message, attributes) => log[level](attributes, message),
    isRunning: (workflowId, firstRunId) => isRunning(client, workflowId, firstRunId),
    isAlive: (workflowId, firstRunId) => isAlive(client, workflowId, firstRunId),
    signal: (workflowId, name, payload) =>
      client.withDeadline(Date.now() + 5_000, () =>
        client.workflow.getHandle(workflowId).signal(name, payload),
      ),
  });
  const workers = await createWorkers(connection, namespace, config.taskQueue, activities);
  return workers.map((worker) => ({ taskQueue: worker.options.taskQueue, worker }));
}

async function connect(options: NativeConnectionOptions): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect(options);
  } catch (error) {
    const address = options.address ?? 'localhost:7233';
    throw new Error(`Temporal does not answer at ${address} (TEMPORAL_ADDRESS)`, { cause: error });
  }
}

/**
 * Whether a workflow is open; with a run id, whether the newest run is of the chain that began with that one: a reset and
 * continue-as-new go on under other run ids. Rejects when Temporal has not answered in 5 s: the lease asks again at the next poll.
 */
async function isRunning(client: Client, workflowId: string, firstRunId?: string): Promise<boolean> {
  const handle = client.workflow.getHandle(workflowId);
  try {
    const { status, runId, raw } = await client.withDeadline(Date.now() + 5_000, () => handle.describe());
    // A server that does not know the first one yet knows no resets of it either: the run's own id is compared.
    const first = raw.workflowExecutionInfo?.firstRunId || runId;
    return status.name === 'RUNNING' && (firstRunId === undefined || firstRunId === first);
  } catch (error) {
    // A run that Temporal does not know is over: its history has had its time.
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
