import type { Flags } from '../../domain/control.ts';
import { CONTEXT_LENGTH } from '../../retrieval/evaluation/next-chunk.ts';
import type { PipelineQuery } from '../../retrieval/pipeline.ts';
import { ProblemError } from '../problem.ts';

const FIELDS = ['text', 'vector', 'context', 'k', 'exclude', 'explain'];
const MOST_RESULTS = 50;
const MOST_EXCLUDED = 100;
const LONGEST_TEXT = 20_000;

/**
 * The body of POST /search as a query. Written by hand, because checking 5 x d numbers is on every request's way.
 * Throws a ProblemError (400) that names the field.
 */
export function readSearchRequest(body: unknown, dimension: number): PipelineQuery {
  const raw = parseObject(body);
  const unknown = Object.keys(raw).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) throw wrong(unknown, `unknown field; there are ${FIELDS.join(', ')}`);
  const given = ['text', 'vector', 'context'].filter((name) => raw[name] !== undefined);
  if (given.length !== 1)
    throw wrong(
      given[1] ?? 'body',
      `give exactly one of text, vector and context, not ${given.join(' and ') || 'none'}`,
    );
  const shared = {
    k: readK(raw['k']),
    exclude: readExclude(raw['exclude']),
    explain: readExplain(raw['explain']),
  };
  if (raw['text'] !== undefined) return { ...shared, kind: 'text', text: readText(raw['text'], 'text') };
  if (raw['vector'] !== undefined)
    return { ...shared, kind: 'vector', vector: readVector(raw['vector'], 'vector', dimension) };
  return { ...shared, kind: 'context', context: readContext(raw['context'], dimension) };
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

function wrong(field: string, detail: string): ProblemError {
  return new ProblemError(400, `${field}: ${detail}`, field);
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

function readExplain(value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  throw wrong('explain', 'must be true or false');
}

function readText(value: unknown, field: string): string {
  if (typeof value !== 'string' || value.trim() === '')
    throw wrong(field, 'must be a text that is not empty');
  if (value.length > LONGEST_TEXT) throw wrong(field, `must have at most ${LONGEST_TEXT} characters`);
  return value;
}

function readVector(value: unknown, field: string, dimension: number): Float32Array {
  if (!Array.isArray(value)) throw wrong(field, `must be a list of ${dimension} numbers`);
  if (value.length !== dimension) throw wrong(field, `must have ${dimension} numbers, not ${value.length}`);
  const vector = new Float32Array(dimension);
  let square = 0;
  for (let i = 0; i < dimension; i++) {
    const x: unknown = value[i];
    // JSON has no NaN: what was one arrives as null.
    if (typeof x !== 'number' || !Number.isFinite(x))
      throw wrong(field, `number ${i} is not a finite number`);
    vector[i] = x;
    square += x * x;
  }
  if (square === 0 || !Number.isFinite(square))
    throw wrong(field, 'must have a norm that is neither 0 nor infinite');
  return normalised(vector, Math.sqrt(square));
}

/** Cosine needs unit norm; a user's vector is brought to it rather than answered wrongly. */
function normalised(vector: Float32Array, norm: number): Float32Array {
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] ?? 0) / norm;
  return vector;
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
