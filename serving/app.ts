import type { FastifyInstance } from 'fastify';
import fastify from 'fastify';
import { installProblems } from './problem.ts';

export interface AppOptions {
  /** Larger bodies are refused with 413. */
  readonly bodyLimit: number;
  /** Hears of errors that are ours. */
  readonly onFault: (error: unknown) => void;
}

/** Time to send a whole request, header and body. */
const REQUEST_WITHIN_MS = 10_000;
/** How often Node looks for those who were slower. */
const LOOK_EVERY_MS = 1_000;
const LONGEST_PARAMETER = 16_384;

/**
 * What all our HTTP servers share: bodies as bytes, errors as problem documents, and a close that answers what is
 * under way. A connection that is kept alive would hold the close up for minutes, so the last answer on it ends it.
 */
export function createApp({ bodyLimit, onFault }: AppOptions): FastifyInstance {
  const app = fastify({
    bodyLimit,
    // A client that needs longer to send its request is cut off: it would hold a connection for nothing.
    requestTimeout: REQUEST_WITHIN_MS,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    http: { headersTimeout: REQUEST_WITHIN_MS, connectionsCheckingInterval: LOOK_EVERY_MS },
    // An id of 200 characters takes up to twelve bytes for each in an address; routes say what is too long.
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
  });
  let closing = false;
  app.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) void reply.header('connection', 'close');
    done();
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  installProblems(app, onFault);
  return app;
}
