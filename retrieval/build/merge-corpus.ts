import { join } from 'node:path';
import type { CorpusChunk } from '../corpus/jsonl.ts';
import { readChunks } from '../corpus/jsonl.ts';
import { lazyReleaseEncoder } from '../encoder/release-encoder.ts';
import { recordVector } from '../ingest/apply.ts';
import { replayLog } from '../ingest/replay.ts';
import { readManifest } from '../release/manifest.ts';
import { openReleaseIndex } from '../release/parts.ts';

/** A release's corpus with what came and went since. */
export interface MergedCorpus {
  readonly chunks: readonly CorpusChunk[];
  readonly dimension: number;
  /** n*dimension floats; row i is chunk i. */
  readonly vectors: Float32Array<ArrayBuffer>;
  readonly added: number;
  readonly replaced: number;
  readonly removed: number;
  /** Records that no release of this encoder can take, with the reason. */
  readonly passedOver: readonly string[];
}

interface Row {
  readonly chunk: CorpusChunk;
  readonly vector: Float32Array;
}

/** Rows of the truth index that are read at once. */
const BLOCK = 4_096;

/**
 * Merges the ingest log up to a byte into the corpus that a release was built of. The release's own vectors come out
 * of its truth index, those of the log as they were ingested: nothing that the encoder has seen is encoded again.
 * @throws ReleaseError for a damaged release; Error if the log is not the one that the release's offset is of
 */
export async function mergeIngested(
  dir: string,
  log: { readonly file: string; readonly until: number },
): Promise<MergedCorpus> {
  const manifest = await readManifest(dir);
  const { dimension, ingestOffset } = manifest;
  const rows = await releaseRows(dir);
  const before = new Set(rows.keys());
  const encoder = lazyReleaseEncoder(manifest);
  const source = { dimension, encoderSha256: manifest.encoder.sha256, encode: encoder.encode };
  const replaced = new Set<string>();
  const passedOver = await replayLog({ ...log, from: ingestOffset }, async (record) => {
    if (record.op === 'remove') {
      rows.delete(record.id);
      return;
    }
    const { id, article, seq, text } = record;
    const vector = await recordVector(source, record);
    if (rows.has(id)) replaced.add(id);
    rows.set(id, { chunk: { id, article, seq, text }, vector });
  }).finally(() => encoder.close());
  const left = [...rows.values()];
  const vectors = new Float32Array(left.length * dimension);
  for (const [i, { vector }] of left.entries()) vectors.set(vector, i * dimension);
  return {
    chunks: left.map(({ chunk }) => chunk),
    dimension,
    vectors,
    added: [...rows.keys()].filter((id) => !before.has(id)).length,
    replaced: [...replaced].filter((id) => before.has(id) && rows.has(id)).length,
    removed: [...before].filter((id) => !rows.has(id)).length,
    passedOver,
  };
}

/** The chunks of a release with their vectors, by id, in its order. */
async function releaseRows(dir: string): Promise<Map<string, Row>> {
  const manifest = await readManifest(dir);
  const { dimension } = manifest;
  const chunks = await readChunks(join(dir, 'corpus.jsonl'), 'release');
  const index = await openReleaseIndex(dir, 'p_flat_ip.faiss', manifest);
  const rows = new Map<string, Row>();
  try {
    for (let from = 0; from < chunks.length; from += BLOCK) {
      const block = chunks.slice(from, from + BLOCK);
      const vectors = index.vectorsOf(block.map((_, i) => from + i));
      for (const [i, chunk] of block.entries())
        rows.set(chunk.id, { chunk, vector: vectors.subarray(i * dimension, (i + 1) * dimension) });
    }
  } finally {
    index.close();
  }
  return rows;
}
