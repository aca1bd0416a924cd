/** Arrays of float32 as numpy writes them (format 1.0, little-endian, C order). */
export interface FloatArray {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

const MAGIC = Buffer.from('\x93NUMPY\x01\x00', 'latin1');
/** Magic, version and the header's length. */
const PREAMBLE_BYTES = 10;
/** numpy aligns the data to so many bytes. */
const ALIGNMENT = 64;

/** The bytes of a .npy file. */
export function formatNpy({ shape, data }: FloatArray): Buffer {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const fields = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  const length = Math.ceil((PREAMBLE_BYTES + fields.length + 1) / ALIGNMENT) * ALIGNMENT - PREAMBLE_BYTES;
  const head = Buffer.alloc(2);
  head.writeUInt16LE(length);
  const header = Buffer.from(`${fields.padEnd(length - 1)}\n`, 'latin1');
  return Buffer.concat([MAGIC, head, header, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
}

/**
 * Reads a .npy of float32.
 * @throws Error saying what differs: another type or order, or a length that does not fit the shape
 */
export function parseNpy(bytes: Buffer): FloatArray {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new Error('is not a .npy of version 1.0');
  const begin = PREAMBLE_BYTES + bytes.readUInt16LE(MAGIC.length);
  const header = bytes.toString('latin1', PREAMBLE_BYTES, begin);
  if (!header.includes("'descr': '<f4'")) throw new Error(`does not hold little-endian float32: ${header}`);
  if (!header.includes("'fortran_order': False")) throw new Error('is in Fortran order');
  const tuple = /'shape': \(([\d, ]*)\)/.exec(header)?.[1] ?? '';
  const shape = tuple.split(',').flatMap((part) => (part.trim() === '' ? [] : [Number(part)]));
  const count = shape.reduce((product, size) => product * size, 1);
  if (bytes.length - begin !== count * 4)
    throw new Error(`holds ${(bytes.length - begin) / 4} floats, its shape (${tuple}) says ${count}`);
  // Copied, as a Float32Array needs an offset that is a multiple of 4.
  const data = new Float32Array(count);
  bytes.copy(Buffer.from(data.buffer), 0, begin);
  return { shape, data };
}
