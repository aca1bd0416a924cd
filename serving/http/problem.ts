import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { EncoderBusyError, EncoderDeadlineError } from '../../retrieval/encoder/errors.ts';
import type { Problem } from '../../domain/control/http.ts';

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Unauthorized',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Too slow',
  409: 'Conflict',
  413: 'Body too large',
  415: 'Unsupported media type',
  422: 'Not possible now',
  431: 'Header too large',
  502: 'Lane failed',
  503: 'Not ready',
  504: 'Lane timed out',
};

/** An answer to bad input or to a fault, as RFC 9457 wants it. Thrown by handlers, sent by the error handler. */
export class ProblemError extends Error {
  readonly problem: Problem;
  readonly members: Readonly<Record<string, unknown>>;
  /** What the answer's header says beside it. */
  headers: Readonly<Record<string, string>> = {};

  constructor(
    status: number,
    detail: string,
    field?: string,
    members: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
    this.problem = {
      type: 'about:blank',
      title: TITLES[status] ?? 'Error',
      status,
      detail,
      ...(field === undefined ? {} : { field }),
    };
    this.members = members;
  }

  /** Adds header fields, such as `allow` to a 405. */
  with(headers: Readonly<Record<string, string>>): this {
    this.headers = { ...this.headers, ...headers };
    return this;
  }
}

/** Sends a problem document. */
export function sendProblem(reply: FastifyReply, { problem, members, headers }: ProblemError): FastifyReply {
  if (problem.status === 503) void reply.header('retry-after', '1');
  if (problem.status === 401) void reply.header('www-authenticate', 'Bearer');
  return reply
    .code(problem.status)
    .headers(headers)
    .type('application/problem+json')
    .send(JSON.stringify({ ...problem, ...members }));
}

/** A connection that is closed with bytes unread is reset, and its answer may be lost with it (RFC 9112, 9.6): so long they are read. */
const LINGER_MS = 1_000;
const answered = new WeakSet<Socket>();

/** A request that Node could not even read, as a problem document on its bare connection. */
export function answerUnread(error: NodeJS.ErrnoException, socket: Socket): void {
  // What comes after the bad part is bad again.
  if (answered.has(socket)) return;
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy(error);
    return;
  }
  answered.add(socket);
  const { problem } = new ProblemError(...(UNREAD[error.code ?? ''] ?? [400, 'this is no HTTP request']));
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.resume();
  const lingering = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(lingering));
}

/** By Node's code. */
const UNREAD: Readonly<Record<string, [number, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request took too long to arrive'],
  HPE_HEADER_OVERFLOW: [431, 'the header is too large'],
  HPE_INVALID_METHOD: [400, 'the method is not known'],
};

/** A request that the framework refused before any route: an address whose percent-encoding is wrong. */
export function answerUnrouted(error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  void sendProblem(reply, new ProblemError(error.statusCode ?? 400, error.message));
}

/** Every error of an app as a problem document: ours and the framework's; unknown routes are `installMethods`'. */
export function installProblems(app: FastifyInstance, onFault: (error: unknown) => void): void {
  app.setErrorHandler((error: FastifyError | ProblemError, _request, reply) => {
    if (error instanceof ProblemError) return sendProblem(reply, error);
    if (error instanceof EncoderBusyError || error instanceof EncoderDeadlineError)
      return sendProblem(reply, new ProblemError(503, error.message));
    const status = error.statusCode ?? 500;
    if (status >= 500) onFault(error);
    const detail = status >= 500 ? 'an error of ours; see the log' : error.message;
    return sendProblem(reply, new ProblemError(status, detail, status === 413 ? 'body' : undefined));
  });
}
