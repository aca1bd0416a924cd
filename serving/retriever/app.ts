import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { Counter, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { AnyLane } from '../../domain/control.ts';
import { LANE_HEADERS } from '../../domain/http.ts';
import type { SearchResponse, StepTimings } from '../../domain/http.ts';
import { LATENCY_BOUNDS_SECONDS } from '../../domain/telemetry.ts';
import type { Pipeline, PipelineAnswer } from '../../retrieval/pipeline.ts';
import type { AppOptions } from '../app.ts';
import { createApp } from '../app.ts';
import { readFlags, readSearchRequest } from './search-request.ts';

export interface RetrieverDeps extends AppOptions {
  readonly pipeline: Pipeline;
  readonly now: () => number;
}

/** One release over HTTP: /search, /health, /metrics. Built without a socket. */
export function createRetrieverApp({ pipeline, bodyLimit, now, onFault }: RetrieverDeps): FastifyInstance {
  const { manifest } = pipeline;
  const metrics = createRetrieverMetrics();
  const app = createApp({ bodyLimit, onFault });
  let lastOkMs: number | null = null;

  app.post('/search', async (request, reply) => {
    const header = (name: string) => request.headers[name] as string | undefined;
    const flags = readFlags(header(LANE_HEADERS.flags), manifest.flags);
    const query = readSearchRequest(
      {
        body: request.body,
        contentType: request.headers['content-type'],
        parameters: request.query as Record<string, unknown>,
      },
      manifest.dimension,
    );
    const answer = await pipeline.search(query, flags);
    metrics.observe(query.kind, answer);
    lastOkMs = now();
    const response: SearchResponse = {
      requestId: header(LANE_HEADERS.requestId) ?? randomUUID(),
      release: manifest.version,
      lane: (header(LANE_HEADERS.lane) ?? 'stable') as AnyLane,
      results: answer.results,
      timings: answer.timings,
    };
    return reply
      .headers({
        [LANE_HEADERS.kind]: query.kind,
        [LANE_HEADERS.release]: manifest.version,
        [LANE_HEADERS.timing]: serverTiming(answer.timings),
        [LANE_HEADERS.quality]: answer.quality,
        ...(answer.rank1Changed === null
          ? {}
          : { [LANE_HEADERS.rank1Changed]: answer.rank1Changed ? 'yes' : 'no' }),
      })
      .type('application/json')
      .send(JSON.stringify(response));
  });
  app.get('/health', () => ({ version: manifest.version, flags: manifest.flags, ok: true, lastOkMs }));
  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
  return app;
}

/** Steps that ran, as a Server-Timing header in ms. */
function serverTiming({ encodeMs, predictMs, searchMs, rerankMs }: StepTimings): string {
  return Object.entries({ encode: encodeMs, predict: predictMs, search: searchMs, rerank: rerankMs })
    .filter(([, ms]) => ms !== null)
    .map(([name, ms]) => `${name};dur=${(ms ?? 0).toFixed(3)}`)
    .join(', ');
}

function createRetrieverMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const steps = new Histogram({
    name: 'retriever_step_seconds',
    help: 'Encode, predict, search and rerank of this lane',
    labelNames: ['step', 'kind'],
    buckets: [...LATENCY_BOUNDS_SECONDS],
    registers: [registry],
  });
  const quality = new Counter({
    name: 'retriever_quality_proxy_total',
    help: 'Answers with a result of cosine tau or more',
    labelNames: ['kind', 'hit'],
    registers: [registry],
  });
  const rank1 = new Counter({
    name: 'retriever_rerank_rank1_total',
    help: 'Answers whose rank 1 the reranker changed',
    labelNames: ['kind', 'changed'],
    registers: [registry],
  });
  return {
    registry,
    observe(kind: string, { timings, quality: hit, rank1Changed }: PipelineAnswer): void {
      const { encodeMs, predictMs, searchMs, rerankMs } = timings;
      for (const [step, ms] of Object.entries({
        encode: encodeMs,
        predict: predictMs,
        search: searchMs,
        rerank: rerankMs,
      }))
        if (ms !== null) steps.observe({ step, kind }, ms / 1000);
      quality.inc({ kind, hit: hit === 'hit' ? 'yes' : 'no' });
      if (rank1Changed !== null) rank1.inc({ kind, changed: rank1Changed ? 'yes' : 'no' });
    },
  };
}
