import type { FastifyInstance, FastifyRequest } from 'fastify';
import fastify from 'fastify';
import { readBody } from './body.ts';
import { installMethods } from './methods.ts';
import { ProblemError, answerUnread, answerUnrouted, installProblems } from './problem.ts';

export interface AppOptions {
  /** Larger bodies are refused with 413. */
  readonly bodyLimit: number;
  /** Hears of errors that are ours. */
  readonly onFault: (error: unknown) => void;
  /** Why `GET /ready` is to answer 503; null where it is 200. Without it there is no such route. */
  readonly notReady?: () => string | null | Promise<string | null>;
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
export function createApp({ bodyLimit, onFault, notReady }: AppOptions): FastifyInstance {
  const app = fastify({
    bodyLimit,
    // A client that needs longer to send its request is cut off: it would hold a connection for nothing.
    requestTimeout: REQUEST_WITHIN_MS,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    clientErrorHandler: answerUnread,
    frameworkErrors: answerUnrouted,
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
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) =>
    readBody(request, body, bodyLimit),
  );
  app.addHook('onRequest', (request, _reply, done) => {
    const wrong = wrongParameter(request.url);
    done(
      wrong === null
        ? undefined
        : new ProblemError(400, `${wrong}: its percent-encoding is not UTF-8`, wrong),
    );
  });
  installProblems(app, onFault);
  installMethods(app);
  if (notReady !== undefined)
    app.get('/ready', async () => {
      const reason = closing ? 'the process is ending' : await notReady();
      if (reason !== null) throw new ProblemError(503, reason);
      return { ready: true };
    });
  return app;
}

/** The name of the first parameter of an address that cannot be decoded; null where all can. */
function wrongParameter(url: string): string | null {
  const at = url.indexOf('?');
  // Nearly every request has none.
  if (at < 0 || !url.includes('%', at)) return null;
  const wrong = url
    .slice(at + 1)
    .split('&')
    .find((part) => !isDecodable(part));
  return wrong === undefined ? null : (wrong.split('=')[0] ?? '');
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
