import { z } from 'zod';
import { parseJsonBytes, parseJsonText } from '../../platform/text/json.ts';

const LONGEST_ID = 200;
const id = z.string().min(1).max(LONGEST_ID);

/** One line of the ingest log. */
const recordSchema = z.discriminatedUnion('op', [
  z.strictObject({
    op: z.literal('put'),
    id,
    article: z.string().min(1),
    seq: z.int().nonnegative(),
    /** Empty where only a vector was given. */
    text: z.string(),
    /** Little-endian float32 of unit norm, as base64. */
    vector: z.base64(),
    /** sha256 of the model that made the vector. */
    encoder: z.string(),
  }),
  z.strictObject({ op: z.literal('remove'), id }),
]);
export type IngestRecord = z.infer<typeof recordSchema>;

/** A line of the log without its line end. Throws an error that names what is wrong with it. */
export function parseRecord(line: Buffer | string): IngestRecord {
  const value = typeof line === 'string' ? parseJsonText(line) : parseJsonBytes(line);
  const parsed = recordSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
}

/** Vector as a record holds it. */
export function vectorToBase64(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
}

/** The floats of a record's vector. Every processor this runs on is little-endian, as the format is. */
export function vectorFromBase64(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  const vector = new Float32Array(bytes.length / Float32Array.BYTES_PER_ELEMENT);
  new Uint8Array(vector.buffer).set(bytes);
  return vector;
}
