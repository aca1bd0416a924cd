import { randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { LANE_HEADERS } from '../../domain/http.ts';
import type { AppOptions } from '../app.ts';
import { createApp } from '../app.ts';
import { ProblemError, sendProblem } from '../problem.ts';
import type { Gateway, Served, UserRequest } from './gateway.ts';
import { healthOf } from './health.ts';
import type { Activity } from './health.ts';
import type { Metrics } from './metrics.ts';

export interface PublicDeps extends AppOptions {
  readonly gateway: Gateway;
  readonly metrics: Metrics;
  readonly activity: Activity;
  /** More requests at once are refused with 503. */
  readonly mostInFlight: number;
}

/** What users and scrapers see: /search, /health, /metrics. Built without a socket. */
export function createPublicApp(deps: PublicDeps): FastifyInstance {
  const { gateway, metrics, activity } = deps;
  const app = createApp(deps);
  let inFlight = 0;

  app.post('/search', async (request, reply) => {
    if (inFlight >= deps.mostInFlight) {
      metrics.userErrors.inc({ kind: 'unknown' });
      throw new ProblemError(503, `more than ${deps.mostInFlight} requests are under way; try again`);
    }
    inFlight++;
    try {
      const user = userRequest(request, reply);
      const served = await gateway.search(user);
      if (served.kind === 'answer') activity.saw(served);
      return sendServed(reply.header(LANE_HEADERS.requestKey, user.requestKey), served);
    } finally {
      inFlight--;
    }
  });
  app.get('/health', () => healthOf(gateway.view(), activity));
  app.get('/metrics', async (_request, reply) => {
    gateway.refreshGauges();
    return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
  return app;
}

/** A request as the gateway works with it; a sticky key and an id are drawn where the user gives none. */
export function userRequest(request: FastifyRequest, reply: FastifyReply): UserRequest {
  const header = (name: string) => {
    const value = request.headers[name];
    return typeof value === 'string' && value !== '' && value.length <= 200 ? value : undefined;
  };
  const at = request.url.indexOf('?');
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return {
    body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
    contentType: header('content-type') ?? 'application/json',
    parameters: at < 0 ? '' : request.url.slice(at),
    requestId: header(LANE_HEADERS.requestId) ?? randomUUID(),
    requestKey: header(LANE_HEADERS.requestKey) ?? randomUUID(),
    synthetic: header(LANE_HEADERS.synthetic) !== undefined,
    signal: gone.signal,
  };
}

/** A lane's answer as it is, or its fault as a problem document. */
export function sendServed(reply: FastifyReply, served: Served): FastifyReply {
  if (served.kind === 'answer') return reply.code(served.status).headers(served.headers).send(served.body);
  const status = served.why === 'timeout' ? 504 : served.why === 'failed' ? 502 : 503;
  return sendProblem(reply, new ProblemError(status, served.reason));
}
