import { writeWhole } from '../../platform/json-file.ts';

/** FAISS' METRIC_INNER_PRODUCT. */
const INNER_PRODUCT = 0;
/** FAISS writes this number twice where older versions had fields. */
const UNUSED = 1n << 20n;
const HEAD_BYTES = 45;

/**
 * Writes a flat inner-product index as FAISS does (index_write.cpp, "IxFI"), whole or not at all.
 * @param vectors n*dimension floats; row i becomes id i
 */
export async function writeFlatIndex(file: string, vectors: Float32Array, dimension: number): Promise<void> {
  const head = Buffer.alloc(HEAD_BYTES);
  head.write('IxFI', 0, 'latin1');
  head.writeInt32LE(dimension, 4);
  head.writeBigInt64LE(BigInt(vectors.length / dimension), 8);
  head.writeBigInt64LE(UNUSED, 16);
  head.writeBigInt64LE(UNUSED, 24);
  head.writeUInt8(1, 32); // is_trained
  head.writeInt32LE(INNER_PRODUCT, 33);
  head.writeBigUInt64LE(BigInt(vectors.length), 37);
  const rows = Buffer.from(vectors.buffer, vectors.byteOffset, vectors.byteLength);
  await writeWhole(file, Buffer.concat([head, rows]));
}
