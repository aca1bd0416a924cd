import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LANE_HEADERS } from '../../../domain/control/http.ts';
import { ProblemError, sendProblem } from '../../http/problem.ts';
import type { Client } from '../proxy/http-exchange.ts';
import type { GatewayResponse, UserRequest } from '../proxy/gateway.ts';

/** A request of a user. */
export const USERS = { synthetic: false } as const;

/**
 * A request as the gateway works with it; a sticky key and an id are drawn where the user gives none. Of the headers of a
 * lane (`LANE_HEADERS`) these two alone are the user's to give. That it is synthetic, the caller knows.
 */
export function userRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  { synthetic }: Pick<UserRequest, 'synthetic'>,
): UserRequest {
  const header = (name: string) => {
    const value = request.headers[name];
    return typeof value === 'string' && value !== '' && value.length <= 200 ? value : undefined;
  };
  const at = request.url.indexOf('?');
  const client: Client = { gone: false, onGone: null };
  reply.raw.once('close', () => {
    if (reply.raw.writableFinished) return;
    client.gone = true;
    client.onGone?.();
  });
  return {
    body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
    contentType: header('content-type') ?? 'application/json',
    parameters: at < 0 ? '' : request.url.slice(at),
    requestId: header(LANE_HEADERS.requestId) ?? randomUUID(),
    requestKey: header(LANE_HEADERS.requestKey) ?? randomUUID(),
    synthetic,
    client,
  };
}

/** A lane's answer as it is, or its fault as a problem document. */
export function sendServed(reply: FastifyReply, served: GatewayResponse): FastifyReply {
  if (served.kind === 'answer') return reply.code(served.status).headers(served.headers).send(served.body);
  const status = served.why === 'timeout' ? 504 : served.why === 'failed' ? 502 : 503;
  return sendProblem(reply, new ProblemError(status, served.reason));
}
