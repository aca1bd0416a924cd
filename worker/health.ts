import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { MemberStatus } from './worker-group.ts';

/** Body of GET /health. */
export interface WorkerHealth {
  /** Every worker runs, and Temporal has answered lately. */
  readonly ok: boolean;
  readonly workers: readonly MemberStatus[];
  /** Milliseconds since Temporal last answered this process; null before the first answer. */
  readonly temporalAnsweredMsAgo: number | null;
}

/** Three questions of `TemporalPulse` in a row without an answer, and their deadlines. */
const SILENT_AFTER_MS = 35_000;

/** No worker, as while the process starts, is not healthy. */
export function healthOf(
  workers: readonly MemberStatus[],
  temporalAnsweredMsAgo: number | null,
): WorkerHealth {
  const running = workers.length > 0 && workers.every(({ state }) => state === 'RUNNING');
  const answers = temporalAnsweredMsAgo !== null && temporalAnsweredMsAgo <= SILENT_AFTER_MS;
  return { ok: running && answers, workers, temporalAnsweredMsAgo };
}

/**
 * Serves GET /health on a listener of its own: Temporal's exporter owns /metrics and answers 200 whatever the workers do.
 * 200 where `read` says ok, else 503; 404 for other paths. Rejects, naming WORKER_HEALTH_PORT, where the port is in use.
 */
export function serveHealth(
  { host, port }: { readonly host: string; readonly port: number },
  read: () => WorkerHealth,
): Promise<Server> {
  const server = createServer((request, response) => {
    const known = request.method === 'GET' && request.url === '/health';
    const health = read();
    const [status, body] = known ? [health.ok ? 200 : 503, health] : [404, { title: 'ask GET /health' }];
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const words = `WORKER_HEALTH_PORT: cannot listen on ${host}:${port}: ${cause.message}`;
      reject(new Error(words, { cause }));
    });
    server.listen(port, host, () => resolve(server));
  });
}
