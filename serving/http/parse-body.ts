import type { z } from 'zod';
import { JsonTextError, parseJsonBytes } from '../../platform/text/json.ts';
import { ProblemError } from './problem.ts';

/**
 * The bytes of a JSON body, held against a schema. Throws a ProblemError (400) that names the field, and the `byte` of
 * the body that is not UTF-8.
 */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  let raw: unknown;
  try {
    raw = parseJsonBytes(Buffer.isBuffer(body) ? body : Buffer.alloc(0));
  } catch (error) {
    if (error instanceof JsonTextError)
      throw new ProblemError(
        400,
        error.message,
        error.field,
        error.byte === null ? {} : { byte: error.byte },
      );
    throw new ProblemError(400, 'the body is not JSON', 'body');
  }
  return parse(schema, raw);
}

/** A value held against a schema. Throws a ProblemError (400) that names the field. */
export function parse<Schema extends z.ZodType>(schema: Schema, raw: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => ({
    field: issue.code === 'unrecognized_keys' ? issue.keys.join(', ') : fieldOf(issue.path),
    message: issue.code === 'unrecognized_keys' ? 'unknown field' : issue.message,
  }));
  throw new ProblemError(
    400,
    problems.map(({ field, message }) => `${field}: ${message}`).join('; '),
    problems[0]?.field,
  );
}

/** `flags.stable`, `exclude[3]`; `body` for the whole. */
function fieldOf(path: readonly PropertyKey[]): string {
  const name = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return name.replace(/^\./, '') || 'body';
}
