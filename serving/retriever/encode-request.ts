import { vectorToBase64 } from '../../retrieval/ingest/record.ts';
import type { EncodeOptions } from '../../retrieval/encoder/pool.ts';
import type { Pipeline } from '../../retrieval/pipeline.ts';
import { parseBody } from '../http/parse-body.ts';
import { encodeSchema } from '../http/request-schemas.ts';

export interface EncodeResponse {
  readonly encoder: string;
  readonly dimension: number;
  /** In the texts' order, of unit norm. */
  readonly vectors?: readonly (readonly number[])[];
  readonly vectors_b64?: readonly string[];
}

/** The answer to a body of POST /encode. Throws a ProblemError (400) that names the field. */
export async function encodeTexts(
  body: unknown,
  pipeline: Pipeline,
  options: EncodeOptions,
): Promise<EncodeResponse> {
  const { texts, role, base64 } = parseBody(encodeSchema, body);
  const vectors = await pipeline.encoder.encodeBatch(texts, role, options);
  const { encoder, dimension } = pipeline.manifest;
  return {
    encoder: encoder.name,
    dimension,
    ...(base64
      ? { vectors_b64: vectors.map(vectorToBase64) }
      : { vectors: vectors.map((vector) => Array.from(vector)) }),
  };
}
