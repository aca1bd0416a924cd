import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { FastifyRequest } from 'fastify';
import { MediaType, isBinary } from './media-type.ts';
import { ProblemError } from './problem.ts';

/** What programs name a body of JSON, some of them where nobody said anything; its bytes are JSON or refused. */
const READ_AS_JSON = new Set([
  'application/json',
  'text/json',
  'text/plain',
  'application/x-www-form-urlencoded',
]);
const CHARSETS = new Set(['utf-8', 'utf8', 'us-ascii']);

/**
 * A body's bytes, inflated where they came as gzip, if they are of a type, charset and coding that is read here.
 * Throws a ProblemError: 415 with what is read, 413 where it inflates to more than `limit` bytes, 400 for no gzip.
 */
export async function readBody(
  { headers }: Pick<FastifyRequest, 'headers'>,
  body: Buffer,
  limit: number,
): Promise<Buffer> {
  const given = headers['content-type'];
  const type = MediaType.parse(given ?? 'application/json');
  if (type === null || !(READ_AS_JSON.has(type.essence) || type.essence.endsWith('+json') || isBinary(given)))
    throw new ProblemError(
      415,
      `content-type: ${given} is not read here; send application/json`,
      'content-type',
    ).with({ accept: 'application/json, application/octet-stream' });
  const charset = type.parameters.get('charset')?.toLowerCase() ?? 'utf-8';
  if (!isBinary(given) && !CHARSETS.has(charset))
    throw new ProblemError(
      415,
      `content-type: charset ${charset} is not read here; send utf-8`,
      'content-type',
    ).with({
      accept: 'application/json;charset=utf-8',
    });
  return inflated(body, headers['content-encoding'], limit);
}

async function inflated(body: Buffer, coding: string | undefined, limit: number): Promise<Buffer> {
  const name = coding?.trim().toLowerCase() ?? '';
  if (name === '' || name === 'identity') return body;
  if (name !== 'gzip' && name !== 'x-gzip')
    throw new ProblemError(
      415,
      `content-encoding: ${name} is not read here; send gzip, or the bytes as they are`,
      'content-encoding',
    ).with({ 'accept-encoding': 'gzip, identity' });
  try {
    return await promisify(gunzip)(body, { maxOutputLength: limit });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new ProblemError(413, `the body has more than ${limit} bytes once it is inflated`, 'body');
    throw new ProblemError(400, 'the body is not gzip, as its content-encoding says', 'body');
  }
}
