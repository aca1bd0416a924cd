import type { Flags } from '../../domain/control/state.ts';
import { LANE_HEADERS, formatFlags, parseFlags } from '../../domain/control/http.ts';
import { CONTEXT_LENGTH } from '../../retrieval/evaluation/next-chunk.ts';
import type { PipelineQuery } from '../../retrieval/pipeline.ts';
import { parse, parseBody } from '../http/parse-body.ts';
import { isBinary } from '../http/media-type.ts';
import { ProblemError } from '../http/problem.ts';
import { QUERIES, binarySearchSchema, searchSchema } from '../http/request-schemas.ts';
import { readBase64, readFloats, readVector, wrong } from './vectors.ts';

export interface ReceivedSearch {
  /** Bytes. */
  readonly body: unknown;
  readonly contentType: string | undefined;
  /** Of the address, as texts; binary bodies alone have some. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** What came to POST /search as a query. Throws a ProblemError (400) that names the field. */
export function readSearchRequest(received: ReceivedSearch, dimension: number): PipelineQuery {
  if (isBinary(received.contentType)) return readBinary(received, dimension);
  const [parameter] = Object.keys(received.parameters);
  if (parameter !== undefined) throw wrong(parameter, 'belongs into the JSON body');
  const { text, vector, vector_b64: base64, context, ...shared } = parseBody(searchSchema, received.body);
  const queries = { text, vector, vector_b64: base64, context };
  const given = QUERIES.filter((name) => queries[name] !== undefined);
  if (given.length !== 1)
    throw wrong(
      given[1] ?? 'body',
      `give exactly one of ${QUERIES.join(', ')}, not ${given.join(' and ') || 'none'}`,
    );
  if (text !== undefined) return { ...shared, kind: 'text', text };
  if (context !== undefined) return { ...shared, kind: 'context', context: readContext(context, dimension) };
  return {
    ...shared,
    kind: 'vector',
    vector:
      vector === undefined
        ? readBase64(base64, 'vector_b64', dimension)
        : readVector(vector, 'vector', dimension),
  };
}

/** A body of float32 alone: one vector, or the context's one after the other. */
function readBinary({ body, parameters }: ReceivedSearch, dimension: number): PipelineQuery {
  const { kind, k, explain } = parse(binarySearchSchema, parameters);
  const shared = { k, exclude: [], asBuilt: false, explain: explain === 'true' };
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  if (kind === 'vector') return { ...shared, kind, vector: readFloats(bytes, 'body', dimension) };
  const length = bytes.length / CONTEXT_LENGTH;
  const part = (i: number) => bytes.subarray(i * length, (i + 1) * length);
  const context = Array.from({ length: CONTEXT_LENGTH }, (_, i) =>
    readFloats(part(i), `body, vector ${i}`, dimension),
  );
  return { ...shared, kind, context };
}

/** Flags out of the gateway's header; a request without one gets the release's own. */
export function readFlags(header: string | undefined, defaults: Flags): Flags {
  if (header === undefined) return defaults;
  const flags = parseFlags(header);
  if (flags === null)
    throw new ProblemError(
      400,
      `${LANE_HEADERS.flags}: ${header} cannot be read; it is like ${formatFlags(defaults)}`,
      LANE_HEADERS.flags,
    );
  return flags;
}

function readContext(value: unknown, dimension: number): readonly (string | Float32Array)[] {
  if (!Array.isArray(value) || value.length !== CONTEXT_LENGTH)
    throw wrong('context', `must be a list of ${CONTEXT_LENGTH} texts or vectors`);
  const textual = typeof value[0] === 'string';
  return value.map((part: unknown, i) => {
    if ((typeof part === 'string') !== textual)
      throw wrong(`context[${i}]`, 'texts and vectors cannot be mixed');
    return textual ? readText(part, `context[${i}]`) : readVector(part, `context[${i}]`, dimension);
  });
}

function readText(value: unknown, field: string): string {
  const parsed = searchSchema.shape.text.safeParse(value);
  if (parsed.success && parsed.data !== undefined) return parsed.data;
  throw wrong(field, parsed.error?.issues[0]?.message ?? 'must be a text');
}
