import type { Flags } from '../../domain/control.ts';
import { CONTEXT_LENGTH } from '../../retrieval/evaluation/next-chunk.ts';
import type { PipelineQuery } from '../../retrieval/pipeline.ts';
import { ProblemError } from '../problem.ts';
import { readBase64, readFloats, readVector, wrong } from './vectors.ts';

const QUERIES = ['text', 'vector', 'vector_b64', 'context'];
const FIELDS = [...QUERIES, 'k', 'exclude', 'explain', 'asBuilt'];
const PARAMETERS = ['kind', 'k', 'explain'];
const MOST_RESULTS = 50;
const MOST_EXCLUDED = 100;
const LONGEST_TEXT = 20_000;

export interface ReceivedSearch {
  /** Bytes. */
  readonly body: unknown;
  readonly contentType: string | undefined;
  /** Of the address, as texts; binary bodies alone have some. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/**
 * What came to POST /search as a query. Written by hand, because checking 5 x d numbers is on every request's way.
 * Throws a ProblemError (400) that names the field.
 */
export function readSearchRequest(received: ReceivedSearch, dimension: number): PipelineQuery {
  if (received.contentType?.startsWith('application/octet-stream') === true)
    return readBinary(received, dimension);
  const [parameter] = Object.keys(received.parameters);
  if (parameter !== undefined) throw wrong(parameter, 'belongs into the JSON body');
  const raw = parseObject(received.body);
  const unknown = Object.keys(raw).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) throw wrong(unknown, `unknown field; there are ${FIELDS.join(', ')}`);
  const given = QUERIES.filter((name) => raw[name] !== undefined);
  if (given.length !== 1)
    throw wrong(
      given[1] ?? 'body',
      `give exactly one of ${QUERIES.join(', ')}, not ${given.join(' and ') || 'none'}`,
    );
  const shared = {
    k: readK(raw['k']),
    exclude: readExclude(raw['exclude']),
    explain: readBoolean(raw['explain'], 'explain'),
    asBuilt: readBoolean(raw['asBuilt'], 'asBuilt'),
  };
  if (raw['text'] !== undefined) return { ...shared, kind: 'text', text: readText(raw['text'], 'text') };
  if (raw['context'] !== undefined)
    return { ...shared, kind: 'context', context: readContext(raw['context'], dimension) };
  const vector =
    raw['vector'] === undefined
      ? readBase64(raw['vector_b64'], 'vector_b64', dimension)
      : readVector(raw['vector'], 'vector', dimension);
  return { ...shared, kind: 'vector', vector };
}

/** A body of float32 alone: one vector, or the context's one after the other. */
function readBinary({ body, parameters }: ReceivedSearch, dimension: number): PipelineQuery {
  const unknown = Object.keys(parameters).find((name) => !PARAMETERS.includes(name));
  if (unknown !== undefined) throw wrong(unknown, `unknown parameter; there are ${PARAMETERS.join(', ')}`);
  const { kind = 'vector', k, explain } = parameters;
  const shared = {
    k: readK(typeof k === 'string' && /^\d+$/.test(k) ? Number(k) : k),
    exclude: [],
    asBuilt: false,
    explain: readBoolean(explain === 'true' ? true : explain === 'false' ? false : explain, 'explain'),
  };
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  if (kind === 'vector') return { ...shared, kind, vector: readFloats(bytes, 'body', dimension) };
  if (kind !== 'context') throw wrong('kind', 'must be vector or context');
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
  const match = /^impl=(amn_v0|gru_v0);reranker=(on|off);nprobe=(\d{1,5})$/.exec(header);
  if (match === null || Number(match[3]) === 0)
    throw new ProblemError(400, `x-lane-flags: ${header} can not be read`, 'x-lane-flags');
  const [, impl, reranker, nprobe] = match;
  return {
    impl: impl === 'gru_v0' ? 'gru_v0' : 'amn_v0',
    reranker: reranker === 'on' ? 'on' : 'off',
    nprobe: Number(nprobe),
  };
}

function parseObject(body: unknown): Record<string, unknown> {
  let raw: unknown;
  try {
    raw = JSON.parse(Buffer.isBuffer(body) ? body.toString('utf8') : '');
  } catch {
    throw wrong('body', 'is not JSON');
  }
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw wrong('body', 'must be a JSON object');
  return raw as Record<string, unknown>;
}

function readK(value: unknown): number {
  if (value === undefined) return 10;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MOST_RESULTS)
    return value;
  throw wrong('k', `must be a whole number from 1 to ${MOST_RESULTS}`);
}

function readExclude(value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (
    !Array.isArray(value) ||
    value.length > MOST_EXCLUDED ||
    !value.every((id): id is string => typeof id === 'string')
  )
    throw wrong('exclude', `must be a list of up to ${MOST_EXCLUDED} ids`);
  return value;
}

function readBoolean(value: unknown, field: string): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  throw wrong(field, 'must be true or false');
}

function readText(value: unknown, field: string): string {
  if (typeof value !== 'string' || value.trim() === '')
    throw wrong(field, 'must be a text that is not empty');
  if (value.length > LONGEST_TEXT) throw wrong(field, `must have at most ${LONGEST_TEXT} characters`);
  return value;
}

function readContext(value: unknown, dimension: number): readonly (string | Float32Array)[] {
  if (!Array.isArray(value) || value.length !== CONTEXT_LENGTH)
    throw wrong('context', `must be a list of ${CONTEXT_LENGTH} texts or vectors`);
  const textual = typeof value[0] === 'string';
  return value.map((part: unknown, i) => {
    if ((typeof part === 'string') !== textual)
      throw wrong(`context[${i}]`, 'texts and vectors can not be mixed');
    return textual ? readText(part, `context[${i}]`) : readVector(part, `context[${i}]`, dimension);
  });
}
