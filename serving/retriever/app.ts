import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { AnyLane } from '../../domain/control/state.ts';
import { LANE_HEADERS } from '../../domain/control/http.ts';
import type { Orders, SearchResponse } from '../../domain/control/http.ts';
import type { EncodeOptions } from '../../retrieval/encoder/pool.ts';
import type { IndexStatistics } from '../../retrieval/index/open.ts';
import type { Pipeline, PipelineAnswer, PipelineQuery, Recall } from '../../retrieval/pipeline.ts';
import type { AppOptions } from '../http/app.ts';
import { createApp } from '../http/app.ts';
import { readChunk } from './chunk-request.ts';
import { encodeTexts } from './encode-request.ts';
import type { ExplainLog } from './explain-log.ts';
import type { Ingest } from './ingest.ts';
import { LaneCounting } from './self-metrics.ts';
import { createRetrieverMetrics } from './metrics.ts';
import { readFlags, readSearchRequest } from './search-request.ts';

export interface RetrieverDeps extends AppOptions {
  readonly pipeline: Pipeline;
  /** The clock that the pipeline keeps deadlines by. */
  readonly now: () => number;
  /** What came and went since the release was built. */
  readonly ingest?: Pick<Ingest, 'applied' | 'offset'>;
  /** Where one query in a hundred is explained. */
  readonly explainLog?: ExplainLog;
  /** The index as the release was built, before anything was ingested; what it is now where absent. */
  readonly built?: IndexStatistics;
}

/** One answer in so many is looked at closely, after it was sent. */
const INSPECT_EVERY = 100;
/** One in so many is compared with an exact search. */
const RECALL_EVERY = 1_000;

/** One release over HTTP: /search, /encode, /chunk (a chunk as the log takes it, and whether there is one), /health, /ready, /metrics, /counters (for the gateway). Built without a socket. */
export function createRetrieverApp({
  pipeline,
  bodyLimit,
  now,
  onFault,
  ingest,
  explainLog,
  built = pipeline.statistics(),
}: RetrieverDeps): FastifyInstance {
  const { manifest } = pipeline;
  const metrics = createRetrieverMetrics();
  const counting = new LaneCounting({
    rowsBuilt: manifest.ntotal,
    built,
    now,
    memoryBytes: process.memoryUsage.rss,
  });
  const app = createApp({ bodyLimit, onFault, notReady: () => null });
  let lastOkMs: number | null = null;
  /** Of users; nobody else's searches are counted. */
  let searches = 0;

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
    const isSampled = header(LANE_HEADERS.sample) !== undefined;
    const isUsers = header(LANE_HEADERS.synthetic) === undefined;
    const isInspected = isUsers && searches % INSPECT_EVERY === 0;
    // The very first search of a lane is no more than its warm-up.
    const isRecalled = isUsers && ++searches % RECALL_EVERY === 0;
    const answer = await pipeline.search(
      { ...query, whole: isSampled || isInspected, ...deadlineOf(header(LANE_HEADERS.timeout), now) },
      flags,
    );
    if (isUsers) {
      metrics.observe(query.kind, answer);
      counting.answered(answer.results.length);
    }
    lastOkMs = Date.now();
    const response: SearchResponse & { orders?: Orders } = {
      requestId: header(LANE_HEADERS.requestId) ?? randomUUID(),
      release: manifest.version,
      lane: (header(LANE_HEADERS.lane) ?? 'stable') as AnyLane,
      results: answer.results,
      timings: answer.timings,
      ...(isSampled ? { orders: answer.orders() } : {}),
    };
    if (isInspected && explainLog !== undefined) {
      const { requestId, lane } = response;
      const texts = explainLog.withTexts ? textsOf(query) : {};
      const asked = { atMs: Date.now(), requestId, lane, kind: query.kind, flags, ...texts };
      setImmediate(() => {
        try {
          explainLog.add({ ...asked, ...answer.explain() });
        } catch (error) {
          // The answer is out; what came of it must not end the lane.
          onFault(error);
        }
      });
    }
    if (isInspected)
      setImmediate(() => {
        const look = answer.inspect();
        metrics.inspected(look);
        counting.inspected(look);
      });
    if (isRecalled)
      setImmediate(() => {
        const heard = (recall: Recall) => {
          metrics.recalled(recall);
          counting.recalled(recall);
        };
        void answer.recall().then(heard).catch(onFault);
      });
    return reply
      .headers({
        [LANE_HEADERS.kind]: query.kind,
        [LANE_HEADERS.release]: manifest.version,
        [LANE_HEADERS.timing]: serverTiming(answer),
        [LANE_HEADERS.quality]: answer.quality,
        ...(answer.rank1Changed === null
          ? {}
          : { [LANE_HEADERS.rank1Changed]: answer.rank1Changed ? 'yes' : 'no' }),
      })
      .type('application/json')
      .send(JSON.stringify(response));
  });
  app.post('/encode', async (request) =>
    encodeTexts(request.body, pipeline, deadlineOf(request.headers[LANE_HEADERS.timeout], now)),
  );
  app.post('/chunk', async (request) => readChunk(request.body, pipeline));
  app.get<{ Params: { id: string } }>('/chunk/:id', ({ params: { id } }) => ({
    known: pipeline.knows(id),
    offset: ingest?.offset ?? null,
  }));
  app.get('/health', () => ({ version: manifest.version, flags: manifest.flags, ok: true, lastOkMs }));
  app.get('/counters', () => counting.report(pipeline.statistics(), pipeline.encoder.stats()));
  app.get('/metrics', async (_request, reply) => {
    metrics.index(pipeline.statistics(), ingest);
    metrics.encoder(pipeline.encoder.stats());
    return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
  return app;
}

/** A query's own texts; nothing where it came as vectors. */
function textsOf(query: PipelineQuery): { readonly texts?: readonly string[] } {
  const given = query.kind === 'context' ? query.context : query.kind === 'text' ? [query.text] : [];
  const texts = given.filter((part) => typeof part === 'string');
  return texts.length === 0 ? {} : { texts };
}

/** When a text that still waits for the encoder is dropped, out of the gateway's header. */
function deadlineOf(header: string | string[] | undefined, now: () => number): EncodeOptions {
  const timeoutMs = Number(header);
  return header !== undefined && timeoutMs > 0 ? { deadlineMs: now() + timeoutMs } : {};
}

/** Steps that ran, as a Server-Timing header in ms. */
function serverTiming({ timings, modelRan }: Pick<PipelineAnswer, 'timings' | 'modelRan'>): string {
  const { encodeMs: encode, predictMs: predict, searchMs: search, rerankMs: rerank } = timings;
  return Object.entries({ encode, model: modelRan ? encode : null, predict, search, rerank })
    .filter(([, ms]) => ms !== null)
    .map(([name, ms]) => `${name};dur=${(ms ?? 0).toFixed(3)}`)
    .join(', ');
}
