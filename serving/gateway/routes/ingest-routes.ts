import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { parseRecord } from '../../../retrieval/ingest/record.ts';
import type { IngestRecord } from '../../../retrieval/ingest/record.ts';
import { ProblemError } from '../../http/problem.ts';
import { tokenFits } from '../../http/bearer-token.ts';
import type { Gateway } from '../proxy/gateway.ts';
import type { ComponentHealth } from '../observers/health.ts';
import type { AppendLog } from '../../../platform/append-log.ts';
import type { Metrics } from '../metrics.ts';
import { USERS, sendServed, userRequest } from './request-adapter.ts';

/** Runs the work, or refuses it with 503 where too much of its kind is under way. */
export type Admission = <T>(kind: 'vector' | 'text', work: () => Promise<T>) => Promise<T>;

export interface IngestDeps {
  readonly gateway: Gateway;
  readonly metrics: Metrics;
  readonly health: ComponentHealth;
  readonly ingest: { readonly log: AppendLog; readonly token: string };
}

/**
 * POST /ingest and DELETE /ingest/{id}: the stable lane checks and encodes, the log keeps, all lanes follow the log. An
 * answer below 300 says that the change is on the disk; it is searchable within a second.
 */
export function installIngest(
  app: FastifyInstance,
  { gateway, metrics, health, ingest }: IngestDeps,
  admitted: Admission,
): void {
  const { log, token } = ingest;
  const authorise = (request: FastifyRequest) => {
    if (!tokenFits(request.headers.authorization, token))
      throw new ProblemError(401, 'the bearer token for ingest is needed');
  };
  const append = async (record: IngestRecord, reply: FastifyReply, more: object = {}) => {
    const offset = await log.append(record).catch((error: unknown) => {
      health.failed('ingest');
      throw error;
    });
    health.worked('ingest');
    metrics.ingested.inc({ op: record.op });
    return reply.send({ id: record.id, offset, ...more });
  };

  app.post('/ingest', async (request, reply) => {
    authorise(request);
    return admitted('text', async () => {
      const checked = await gateway.askStable('/chunk', userRequest(request, reply, USERS));
      if (checked.kind !== 'answer' || checked.status >= 400) return sendServed(reply, checked);
      return append(parseRecord(checked.body), reply);
    });
  });
  app.delete<{ Params: { id: string } }>('/ingest/:id', async (request, reply) => {
    authorise(request);
    const { id } = request.params;
    if (id === '') throw new ProblemError(400, 'id: is empty', 'id');
    if (id.length > 200) throw new ProblemError(400, 'id: has more than 200 characters', 'id');
    return admitted('text', async () => {
      // Kept all the same: another release's lane may have a chunk of that id.
      const known = await gateway.knowsChunk(id, await log.bytes());
      return append({ op: 'remove', id }, reply, { known });
    });
  });
}
