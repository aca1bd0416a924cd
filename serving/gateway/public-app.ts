import type { FastifyInstance } from 'fastify';
import { LANE_HEADERS } from '../../domain/http.ts';
import type { AppOptions } from '../app.ts';
import { createApp } from '../app.ts';
import { parseBody } from '../json.ts';
import { ProblemError } from '../problem.ts';
import { feedbackSchema } from '../schemas.ts';
import type { FeedbackSamples } from './feedback.ts';
import type { Gateway } from './gateway.ts';
import { healthOf } from './health.ts';
import type { Activity } from './health.ts';
import type { IngestDeps } from './ingest-routes.ts';
import { installIngest } from './ingest-routes.ts';
import type { Metrics } from './metrics.ts';
import { openApiDocument } from './openapi.ts';
import { sendServed, userRequest } from './user-request.ts';

export interface PublicDeps extends AppOptions {
  readonly gateway: Gateway;
  readonly metrics: Metrics;
  readonly activity: Activity;
  readonly ingest: IngestDeps['ingest'];
  readonly feedback: FeedbackSamples;
  /** More requests at once are refused with 503. */
  readonly mostInFlight: number;
}

/** What users and scrapers see: /search, /encode, /feedback, /ingest, /openapi.json, /health, /metrics. Built without a socket. */
export function createPublicApp(deps: PublicDeps): FastifyInstance {
  const { gateway, metrics, activity } = deps;
  const app = createApp(deps);
  let inFlight = 0;
  const admitted = async <T>(work: () => Promise<T>): Promise<T> => {
    if (inFlight >= deps.mostInFlight) {
      metrics.userErrors.inc({ kind: 'unknown' });
      throw new ProblemError(503, `more than ${deps.mostInFlight} requests are under way; try again`);
    }
    inFlight++;
    return work().finally(() => {
      inFlight--;
    });
  };

  app.post('/search', async (request, reply) =>
    admitted(async () => {
      const user = userRequest(request, reply);
      const served = await gateway.search(user);
      if (served.kind === 'answer') activity.saw(served);
      return sendServed(reply.header(LANE_HEADERS.requestKey, user.requestKey), served);
    }),
  );
  app.post('/encode', async (request, reply) =>
    admitted(async () => sendServed(reply, await gateway.askStable('/encode', userRequest(request, reply)))),
  );
  app.post('/feedback', async (request, reply) => {
    const { requestId, id } = parseBody(feedbackSchema, request.body);
    const heard = deps.feedback.hear(requestId, id);
    metrics.feedback.inc({ outcome: heard.outcome });
    if (heard.outcome === 'counted') {
      const labels = { lane: heard.sample.lane, release: heard.sample.release };
      metrics.scored.inc(labels);
      for (const order of ['plain', 'reranked'] as const)
        metrics.reciprocalRank.inc({ ...labels, order }, heard[order]);
    }
    return reply.code(202).send({ outcome: heard.outcome });
  });
  installIngest(app, deps, admitted);
  const document = JSON.stringify(openApiDocument());
  app.get('/openapi.json', (_request, reply) => reply.type('application/json').send(document));
  app.get('/health', () => healthOf(gateway.view(), activity));
  app.get('/metrics', async (_request, reply) => {
    gateway.refreshGauges();
    return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
  return app;
}
