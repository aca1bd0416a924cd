import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LANE_HEADERS } from '../../domain/http.ts';
import { ProblemError, sendProblem } from '../problem.ts';
import type { Served, UserRequest } from './gateway.ts';

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
