import type { PipelineQuery } from '../../retrieval/pipeline.ts';
import { ProblemError } from '../problem.ts';

const FIELDS = new Set(['text', 'vector', 'context', 'k', 'exclude', 'explain']);
const CONTEXT_CHUNKS = 5;
const MOST_RESULTS = 50;
const MOST_EXCLUDED = 100;
const LONGEST_TEXT = 20_000;
const LONGEST_ID = 500;

/** What a release expects of a search. */
export interface BodyLimits {
  readonly dimension: number;
  /** Number of results where the body names none. */
  readonly k: number;
}

/**
 * A body of `POST /search` as the pipeline's query. Checked by hand: five vectors are thousands of numbers, and a
 * schema library would visit each through its own machinery.
 * @throws ProblemError 400 with the wrong field's name
 */
export function readSearchBody(bytes: unknown, limits: BodyLimits): PipelineQuery {
  const body = parseObject(bytes);
  const unknown = Object.keys(body).find((name) => !FIELDS.has(name));
  if (unknown !== undefined) throw wrong(unknown, `is no field of a search; there are ${[...FIELDS].join(', ')}`);
  const asked = {
    k: readK(body['k'], limits.k),
    exclude: readExclude(body['exclude']),
    explain: readExplain(body['explain']),
  };
  const { text, vector, context } = body;
  const given = [text, vector, context].filter((value) => value !== undefined).length;
  if (given !== 1)
    throw wrong('body', `exactly one of text, vector and context is needed, ${given === 0 ? 'none' : given} is given`);
  if (text !== undefined) return { ...asked, kind: 'text', text: readText('text', text) };
  if (vector !== undefined) return { ...asked, kind: 'vector', vector: readVector('vector', vector, limits.dimension) };
  return { ...asked, kind: 'context', context: readContext(context, limits.dimension) };
}

function parseObject(bytes: unknown): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.isBuffer(bytes) ? bytes.toString('utf8') : '');
  } catch {
    throw wrong('body', 'is not JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw wrong('body', 'must be a JSON object');
  return parsed as Record<string, unknown>;
}

function readK(value: unknown, byDefault: number): number {
  if (value === undefined) return byDefault;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MOST_RESULTS) return value;
  throw wrong('k', `must be a whole number from 1 to ${MOST_RESULTS}`);
}

function readExclude(value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw wrong('exclude', 'must be a list of chunk ids');
  if (value.length > MOST_EXCLUDED)
    throw wrong('exclude', `may hold ${MOST_EXCLUDED} ids at most, it holds ${value.length}`);
  const at = value.findIndex((id) => typeof id !== 'string' || id === '' || id.length > LONGEST_ID);
  if (at >= 0) throw wrong(`exclude[${at}]`, `must be a chunk id, 1 to ${LONGEST_ID} characters`);
  return value as string[];
}

function readExplain(value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value === 'boolean') return value;
  throw wrong('explain', 'must be true or false');
}

function readText(field: string, value: unknown): string {
  if (typeof value !== 'string') throw wrong(field, 'must be a text');
  if (value.trim() === '') throw wrong(field, 'must not be empty');
  if (value.length > LONGEST_TEXT)
    throw wrong(field, `may have ${LONGEST_TEXT} characters at most, it has ${value.length}`);
  return value;
}

function readContext(value: unknown, dimension: number): readonly (string | Float32Array)[] {
  if (!Array.isArray(value) || value.length !== CONTEXT_CHUNKS)
    throw wrong('context', `must be a list of ${CONTEXT_CHUNKS} texts or ${CONTEXT_CHUNKS} vectors`);
  const texts = value.filter((chunk) => typeof chunk === 'string').length;
  if (texts !== 0 && texts !== CONTEXT_CHUNKS) throw wrong('context', 'must be all texts or all vectors');
  return value.map((chunk: unknown, i) =>
    texts === 0 ? readVector(`context[${i}]`, chunk, dimension) : readText(`context[${i}]`, chunk),
  );
}

function readVector(field: string, value: unknown, dimension: number): Float32Array {
  if (!Array.isArray(value)) throw wrong(field, `must be a list of ${dimension} numbers`);
  if (value.length !== dimension)
    throw wrong(field, `must have ${dimension} numbers, as this release's vectors do; it has ${value.length}`);
  const vector = new Float32Array(dimension);
  let squares = 0;
  for (let i = 0; i < dimension; i++) {
    const number: unknown = value[i];
    // JSON has no NaN: it arrives as null. A number may also be too large for 32 bits.
    if (typeof number !== 'number' || !Number.isFinite(Math.fround(number)))
      throw wrong(`${field}[${i}]`, 'must be a finite number');
    vector[i] = number;
    squares += number * number;
  }
  if (!(Math.fround(squares) > 0)) throw wrong(field, 'must not be all zeros: it has no direction');
  return vector;
}

function wrong(field: string, detail: string): ProblemError {
  return new ProblemError(400, `${field}: ${detail}`, field);
}
