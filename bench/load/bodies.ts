import { readNpy } from '../../retrieval/release/npy.ts';
import type { BodyKind } from './question.ts';

/** Digits that a float32 needs to come back as it was. */
const DIGITS = 9;
const K = 10;

/** Everything of a request but its address. */
export interface PreparedRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Each row of a .npy as a search for 10 results, in both forms. Made before the run, as it takes longer than sending. */
export async function prepareRequests(queries: string): Promise<Record<BodyKind, PreparedRequest[]>> {
  const { shape, data } = await readNpy(queries);
  const [rows = 0, dimension = 0] = shape;
  const vectors = Array.from({ length: rows }, (_, i) => data.slice(i * dimension, (i + 1) * dimension));
  const headers = (type: string, i: number) => ({ 'content-type': type, 'x-request-key': `user-${i}` });
  return {
    json: vectors.map((vector, i) => ({
      path: '/search',
      headers: headers('application/json', i),
      body: Buffer.from(JSON.stringify({ vector: Array.from(vector, shortest), k: K })),
    })),
    binary: vectors.map((vector, i) => ({
      path: `/search?k=${K}`,
      headers: headers('application/octet-stream', i),
      body: Buffer.from(vector.buffer),
    })),
  };
}

function shortest(value: number): number {
  return Number(value.toPrecision(DIGITS));
}
