import { Client, Connection, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { temporalEnvironment } from '../../../domain/core/settings.ts';
import type { BlastRadius } from '../../../domain/rollout/status/impact.ts';
import type { Outcome } from '../../../domain/rollout/state.ts';
import type { RolloutStatus } from '../../../domain/rollout/status/status.ts';
import { statusQuery } from '../../../workflows/runtime/messages.ts';
import { setting } from '../../cli/settings.ts';

/** A question to a worker that is not answered in this time is not waited for. */
export const ANSWER_MS = 5_000;

/** What can be said of a service's latest rollout. */
export type Seen =
  | { readonly kind: 'none' }
  | { readonly kind: 'status'; readonly status: RolloutStatus; readonly startedMs: number }
  /** It is there, but nobody answers for it: no worker runs. */
  | { readonly kind: 'unanswered'; readonly reason: string; readonly startedMs: number }
  /** Ended, and known from its result alone. */
  | {
      readonly kind: 'ended';
      readonly outcome: Outcome;
      readonly reason: string;
      readonly candidate: string;
      /** Null where it never had users. */
      readonly blastRadius: BlastRadius | null;
    }
  /** No outcome: wrong input, or ended by force. */
  | { readonly kind: 'failed'; readonly reason: string };

/** The task queue that the worker of this environment serves. */
export function taskQueue(): string {
  return setting('TASK_QUEUE');
}

export function rolloutId(service: string): string {
  return `rollout/${service}`;
}

const START = 'start it: npm start';

/**
 * Calls with a client of the Temporal server that the environment names (TEMPORAL_ADDRESS, profile, TLS).
 * @param otherwise what to do where it is away
 * @throws Error that names the address where nothing answers
 */
export async function withTemporal<T>(
  use: (client: Client) => Promise<T>,
  otherwise: string = START,
): Promise<T> {
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig({
    overrideEnvVars: temporalEnvironment(process.env),
  });
  const connection = await connect(connectionOptions, otherwise);
  try {
    return await use(new Client({ connection, namespace }));
  } finally {
    await connection.close();
  }
}

async function connect(
  options: Parameters<typeof Connection.connect>[0],
  otherwise: string,
): Promise<Connection> {
  try {
    return await Connection.connect({ ...options, connectTimeout: '5 seconds' });
  } catch (cause) {
    throw new Error(
      `Temporal does not answer at ${options?.address ?? 'localhost:7233'} (TEMPORAL_ADDRESS): ${otherwise}`,
      { cause },
    );
  }
}

/** Looks at the latest rollout of a service. */
export async function lookAt(client: Client, service: string): Promise<Seen> {
  const handle = client.workflow.getHandle(rolloutId(service));
  const described = await handle.describe().catch((error: unknown) => {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  });
  if (described === null) return { kind: 'none' };
  const { name } = described.status;
  if (name !== 'RUNNING' && name !== 'COMPLETED')
    return { kind: 'failed', reason: await whyFailed(client, service) };
  const startedMs = described.startTime.getTime();
  try {
    const status = await client.withDeadline(Date.now() + ANSWER_MS, () => handle.query(statusQuery));
    return { kind: 'status', status, startedMs };
  } catch (error) {
    if (name === 'COMPLETED') return { kind: 'ended', ...(await handle.result()) };
    return { kind: 'unanswered', reason: innermost(error), startedMs };
  }
}

/** The words of a run that has no outcome. */
export async function whyFailed(client: Client, service: string): Promise<string> {
  try {
    await client.workflow.getHandle(rolloutId(service)).result();
    return 'it has an outcome';
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return innermost(error);
  }
}

/** The words at the bottom of an error: gRPC's own, mostly. */
export function innermost(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? innermost(error.cause) : error.message;
}
