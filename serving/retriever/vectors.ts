import { ProblemError } from '../http/problem.ts';

const BYTES = Float32Array.BYTES_PER_ELEMENT;

/** A 400 that names the field. */
export function wrong(field: string, detail: string): ProblemError {
  return new ProblemError(400, `${field}: ${detail}`, field);
}

/** A list of numbers as a vector of unit norm. Throws a ProblemError (400). */
export function readVector(value: unknown, field: string, dimension: number): Float32Array {
  if (!Array.isArray(value)) throw wrong(field, `must be a list of ${dimension} numbers`);
  if (value.length !== dimension) throw wrong(field, `must have ${dimension} numbers, not ${value.length}`);
  const vector = new Float32Array(dimension);
  for (let i = 0; i < dimension; i++) {
    const x: unknown = value[i];
    // JSON has no NaN: what was one arrives as null.
    if (typeof x !== 'number') throw wrong(field, `number ${i} is not a finite number`);
    vector[i] = x;
  }
  return toUnitNorm(vector, field);
}

/** Base64 of little-endian float32 as a vector of unit norm. Throws a ProblemError (400). */
export function readBase64(value: unknown, field: string, dimension: number): Float32Array {
  // Node skips what is no base64; a text that was cut or mistyped must not become another vector.
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(value))
    throw wrong(field, 'must be base64 of little-endian float32');
  return readFloats(Buffer.from(value, 'base64'), field, dimension);
}

/** Little-endian float32 as a vector of unit norm. Throws a ProblemError (400). */
export function readFloats(bytes: Buffer, field: string, dimension: number): Float32Array {
  if (bytes.length !== dimension * BYTES)
    throw wrong(field, `must have ${dimension * BYTES} bytes (${dimension} float32), not ${bytes.length}`);
  const vector = new Float32Array(dimension);
  // A copy: the bytes may lie where no float may begin. Every processor this runs on is little-endian.
  new Uint8Array(vector.buffer).set(bytes);
  return toUnitNorm(vector, field);
}

/** Cosine needs unit norm; a user's vector is brought to it rather than answered wrongly. */
function toUnitNorm(vector: Float32Array, field: string): Float32Array {
  let square = 0;
  for (let i = 0; i < vector.length; i++) square += (vector[i] ?? 0) ** 2;
  if (!Number.isFinite(square)) {
    const at = vector.findIndex((x) => !Number.isFinite(x));
    throw wrong(field, at >= 0 ? `number ${at} is not a finite number` : 'has an infinite norm');
  }
  if (square === 0) throw wrong(field, 'has norm 0, and so no direction');
  const norm = Math.sqrt(square);
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] ?? 0) / norm;
  return vector;
}
