import type { FastifyInstance, FastifyRequest } from 'fastify';
import { LANE_HEADERS } from '../../../domain/control/http.ts';
import type { AppOptions } from '../../http/app.ts';
import { createApp } from '../../http/app.ts';
import { parseBody } from '../../http/parse-body.ts';
import { ProblemError } from '../../http/problem.ts';
import { feedbackSchema } from '../../http/request-schemas.ts';
import { tokenFits } from '../../http/bearer-token.ts';
import { holdsText } from '../observers/request-metrics.ts';
import type { ExperimentArms } from '../observers/experiment.ts';
import type { FeedbackSamples } from '../observers/feedback.ts';
import type { Gateway } from '../proxy/gateway.ts';
import { healthOf } from '../observers/health.ts';
import type { ComponentHealth } from '../observers/health.ts';
import type { Admission, IngestDeps } from './ingest-routes.ts';
import { installIngest } from './ingest-routes.ts';
import type { HolderWatch } from '../control/holder-watch.ts';
import type { Metrics } from '../metrics.ts';
import { openApiDocument } from './openapi.ts';
import type { Shadow } from '../observers/shadow.ts';
import { USERS, sendServed, userRequest } from './request-adapter.ts';

export interface PublicDeps extends AppOptions {
  readonly gateway: Gateway;
  readonly metrics: Metrics;
  /** Brings the gauges of `metrics` up to date. */
  readonly refreshGauges: () => Promise<void>;
  /** Who sends it may ask without being counted. */
  readonly probeToken: string;
  readonly health: ComponentHealth;
  readonly ingest: IngestDeps['ingest'];
  readonly shadow: Pick<Shadow, 'chosen'>;
  readonly feedback: FeedbackSamples;
  readonly experiment: Pick<ExperimentArms, 'recordFeedback'>;
  readonly holder: Pick<HolderWatch, 'missing'>;
  /**
   * More requests at once are refused with 503. Texts are encoded first, one after the other, and have a bound of their
   * own: a flood of them must not keep vectors out.
   */
  readonly mostInFlight: { readonly vector: number; readonly text: number };
}

/** What users and scrapers see: /search, /encode, /feedback, /ingest, /openapi.json, /health, /ready, /metrics. Built without a socket. */
export function createPublicApp(deps: PublicDeps): FastifyInstance {
  const { gateway, metrics, health } = deps;
  const app = createApp(deps);
  app.addHook('onResponse', (request, reply, done) => {
    // The route's pattern, never the path: ids in it would make a series each.
    const route = request.routeOptions.url ?? 'none';
    const status = `${Math.floor(reply.statusCode / 100)}xx`;
    metrics.endpoints.inc({ method: request.method, route, status });
    done();
  });
  const inFlight = { vector: 0, text: 0 };
  const admitted: Admission = async (kind, work) => {
    if (inFlight[kind] >= deps.mostInFlight[kind]) {
      metrics.userErrors.inc({ kind: kind === 'text' ? kind : 'unknown' });
      throw new ProblemError(503, `${deps.mostInFlight[kind]} such requests are under way; try again`);
    }
    inFlight[kind]++;
    return work().finally(() => {
      inFlight[kind]--;
    });
  };

  // Anyone can send the header; without the token it says nothing.
  const isProbe = ({ headers }: FastifyRequest) =>
    headers[LANE_HEADERS.synthetic] !== undefined && tokenFits(headers.authorization, deps.probeToken);

  app.post('/search', async (request, reply) => {
    const user = userRequest(request, reply, { synthetic: isProbe(request) });
    return admitted(holdsText(user) ? 'text' : 'vector', async () => {
      const served = await gateway.search(user);
      if (served.kind === 'answer') health.observe(served);
      const compare = deps.shadow.chosen(user, served);
      if (compare !== null) reply.raw.once('finish', () => compare(inFlight.vector + inFlight.text));
      return sendServed(reply.header(LANE_HEADERS.requestKey, user.requestKey), served);
    });
  });
  app.post('/encode', async (request, reply) =>
    admitted('text', async () =>
      sendServed(reply, await gateway.askStable('/encode', userRequest(request, reply, USERS))),
    ),
  );
  app.post('/feedback', async (request, reply) => {
    const { requestId, id } = parseBody(feedbackSchema, request.body);
    const inExperiment = deps.experiment.recordFeedback(requestId, id);
    const heard = deps.feedback.recordFeedback(requestId, id);
    metrics.feedback.inc({ outcome: heard.outcome });
    if (heard.outcome === 'counted') {
      const labels = { lane: heard.sample.lane, release: heard.sample.release };
      metrics.scored.inc(labels);
      for (const order of ['plain', 'reranked'] as const)
        metrics.reciprocalRank.inc({ ...labels, order }, heard[order]);
    }
    return reply.code(202).send({ outcome: inExperiment ? 'counted' : heard.outcome });
  });
  installIngest(app, deps, admitted);
  const document = JSON.stringify(openApiDocument());
  app.get('/openapi.json', (_request, reply) => reply.type('application/json').send(document));
  app.get('/health', () => healthOf(gateway.view(), health, deps.holder.missing));
  app.get('/metrics', async (_request, reply) => {
    await deps.refreshGauges();
    return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
  return app;
}
