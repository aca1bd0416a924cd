import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import { EncoderBusyError, EncoderDeadlineError } from '../retrieval/encoder/errors.ts';
import type { Problem } from '../domain/http.ts';

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Unauthorized',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  413: 'Body too large',
  415: 'Unsupported media type',
  422: 'Not possible now',
  502: 'Lane failed',
  503: 'Not ready',
  504: 'Lane timed out',
};

/** An answer to bad input or to a fault, as RFC 9457 wants it. Thrown by handlers, sent by the error handler. */
export class ProblemError extends Error {
  readonly problem: Problem;
  readonly members: Readonly<Record<string, unknown>>;

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
}

/** Sends a problem document. */
export function sendProblem(reply: FastifyReply, { problem, members }: ProblemError): FastifyReply {
  if (problem.status === 503) void reply.header('retry-after', '1');
  return reply
    .code(problem.status)
    .type('application/problem+json')
    .send(JSON.stringify({ ...problem, ...members }));
}

/** Every error of an app as a problem document: ours, the framework's, and unknown routes. */
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
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, new ProblemError(404, `there is no ${request.method} ${request.url.split('?')[0]}`)),
  );
}
