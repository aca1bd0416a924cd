import type { z } from 'zod';
import { vectorToBase64 } from '../../retrieval/ingest/record.ts';
import type { IngestRecord } from '../../retrieval/ingest/record.ts';
import type { Pipeline } from '../../retrieval/pipeline.ts';
import { parseBody } from '../http/parse-body.ts';
import { chunkSchema } from '../http/request-schemas.ts';
import { readBase64, readVector, wrong } from './vectors.ts';

/**
 * The body of POST /ingest as a record for the log: validated, encoded where it is a text, and of unit norm.
 * Throws a ProblemError (400) that names the field.
 */
export async function readChunk(body: unknown, pipeline: Pipeline): Promise<IngestRecord> {
  const chunk = parseBody(chunkSchema, body);
  const { article, seq, text = '', id = `${article}#${seq}` } = chunk;
  const { encoder } = pipeline.manifest;
  if (id.length > 200) throw wrong('id', 'is missing, and article#seq is longer than 200 characters');
  const vector = await vectorOf(chunk, pipeline);
  return { op: 'put', id, article, seq, text, vector: vectorToBase64(vector), encoder: encoder.sha256 };
}

async function vectorOf(chunk: z.infer<typeof chunkSchema>, pipeline: Pipeline): Promise<Float32Array> {
  const { dimension, encoder } = pipeline.manifest;
  const { text, vector, vector_b64: base64 } = chunk;
  if (vector !== undefined && base64 !== undefined) throw wrong('vector_b64', 'is there beside a vector');
  if (vector === undefined && base64 === undefined) {
    if (text === undefined) throw wrong('text', 'give a text or a vector');
    const [encoded] = await pipeline.encoder.encodeBatch([text], 'passage');
    if (encoded === undefined) throw new Error('the encoder gave nothing');
    return encoded;
  }
  // A vector of the right length from another model would be found by nobody, and nobody would see why.
  if (chunk.encoder !== encoder.name && chunk.encoder !== encoder.sha256)
    throw wrong('encoder', `must be ${encoder.name}, whose vectors this index holds`);
  return base64 === undefined
    ? readVector(vector, 'vector', dimension)
    : readBase64(base64, 'vector_b64', dimension);
}
