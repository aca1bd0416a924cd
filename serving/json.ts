import type { z } from 'zod';
import { ProblemError } from './problem.ts';

/** The bytes of a JSON body, held against a schema. Throws a ProblemError (400) that names the field. */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  let raw: unknown;
  try {
    raw = JSON.parse(Buffer.isBuffer(body) ? body.toString('utf8') : '');
  } catch {
    throw new ProblemError(400, 'the body is not JSON', 'body');
  }
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path.join('.');
  throw new ProblemError(
    400,
    parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`).join('; '),
    field || 'body',
  );
}
