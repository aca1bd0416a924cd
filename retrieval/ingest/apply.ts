import type { TextRole } from '../encoder/text-encoder.ts';
import type { LiveCorpus } from '../live-corpus.ts';
import { NORM_TOLERANCE } from '../release/norms.ts';
import type { IngestRecord } from './record.ts';
import { vectorFromBase64 } from './record.ts';

/** What makes vectors of a release. */
export interface VectorSource {
  readonly dimension: number;
  /** sha256 of the model that this release's vectors are of. */
  readonly encoderSha256: string;
  encode(text: string, role: TextRole): Promise<Float32Array>;
}

export interface ApplyTarget extends Omit<VectorSource, 'dimension'> {
  readonly corpus: LiveCorpus;
}

/**
 * Applies a line of the ingest log to a lane's corpus. A chunk of another encoder is encoded again from its text.
 * @throws Error that says why the record cannot be applied to this release; nothing was changed then
 */
export async function applyRecord(
  { corpus, encoderSha256, encode }: ApplyTarget,
  record: IngestRecord,
): Promise<void> {
  if (record.op === 'remove') {
    corpus.remove(record.id);
    return;
  }
  const { id, article, seq, text } = record;
  const vector = await recordVector({ dimension: corpus.dimension, encoderSha256, encode }, record);
  corpus.put({ id, article, seq, text }, vector);
}

/**
 * The vector that a release has for an ingested chunk.
 * @throws Error that says why it can have none
 */
export async function recordVector(
  { dimension, encoderSha256, encode }: VectorSource,
  { id, text, encoder, vector: given }: Extract<IngestRecord, { op: 'put' }>,
): Promise<Float32Array> {
  if (encoder !== encoderSha256 && text === '')
    throw new Error(`${id} is a vector of another encoder, and there is no text to encode`);
  const vector = encoder === encoderSha256 ? vectorFromBase64(given) : await encode(text, 'passage');
  if (vector.length !== dimension)
    throw new Error(`${id} has ${vector.length} numbers, this release has ${dimension}`);
  const norm = Math.hypot(...vector);
  if (!(Math.abs(norm - 1) <= NORM_TOLERANCE)) throw new Error(`${id} is of norm ${norm}, not 1`);
  return vector;
}
