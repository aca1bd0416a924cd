import { decodeUtf8, NotUtf8Error } from './utf8.ts';

/** Half of a pair, which no UTF-8 can say: only an escape of JSON brings one. */
const LONE_SURROGATE = /\p{Surrogate}/u;
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;
/** In place of the wrong bytes, to find their field: no text holds these noncharacters in this order. */
const PLACE = '\uffff\ufffe\uffff';

/** Text that JSON cannot hand on as it is. */
export class JsonTextError extends Error {
  /** `text`, `context[2]`; `body` where it is none of a field. */
  readonly field: string;
  /** Of the first wrong byte, from 0; null for a lone surrogate, which is written as an escape. */
  readonly byte: number | null;

  constructor(field: string, byte: number | null, reason: string, options?: ErrorOptions) {
    super(byte === null ? `${field}: ${reason}` : `${field}: byte ${byte}: ${reason}`, options);
    this.name = 'JsonTextError';
    this.field = field;
    this.byte = byte;
  }
}

/**
 * The value of a JSON document's bytes.
 * @throws JsonTextError naming the field of bytes that are not UTF-8, or of a lone surrogate; SyntaxError where it is no JSON
 */
export function parseJsonBytes(bytes: Buffer): unknown {
  let text: string;
  try {
    text = decodeUtf8(bytes);
  } catch (error) {
    if (!(error instanceof NotUtf8Error)) throw error;
    throw new JsonTextError(fieldAt(bytes, error.byte), error.byte, error.reason, { cause: error });
  }
  return parseJsonText(text);
}

/** The same of a text that is decoded already. */
export function parseJsonText(text: string): unknown {
  const value: unknown = JSON.parse(text);
  const field = SURROGATE_ESCAPE.test(text) ? fieldWith(value, LONE_SURROGATE) : null;
  if (field === null) return value;
  throw new JsonTextError(
    field,
    null,
    'holds half of a surrogate pair (\\ud800 to \\udfff), which is no character; write both halves, or leave it out',
  );
}

/** The field whose text the byte is in, as far as the rest can be read. */
function fieldAt(bytes: Buffer, byte: number): string {
  try {
    const marked = `${decodeUtf8(bytes.subarray(0, byte))}${PLACE}${bytes.toString('utf8', byte)}`;
    return fieldWith(JSON.parse(marked), new RegExp(PLACE)) ?? 'body';
  } catch {
    return 'body';
  }
}

/** The first field, by its path, whose name or text matches; null where none does. */
function fieldWith(value: unknown, pattern: RegExp, path = ''): string | null {
  if (typeof value === 'string') return pattern.test(value) ? path || 'body' : null;
  if (value === null || typeof value !== 'object') return null;
  for (const [key, part] of Object.entries(value)) {
    const name = Array.isArray(value) ? `${path}[${key}]` : `${path === '' ? '' : `${path}.`}${key}`;
    const found = pattern.test(key) ? path || 'body' : fieldWith(part, pattern, name);
    if (found !== null) return found;
  }
  return null;
}
