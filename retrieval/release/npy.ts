import { readFile } from 'node:fs/promises';
import type { PythonValue } from './python-literal.ts';
import { parsePythonLiteral } from './python-literal.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

/** Arrays of float32 in C order. */
export interface FloatArray {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
const VERSION_1 = Buffer.from([1, 0]);
/** Magic, version and, in version 1, the header's length. */
const PREAMBLE_BYTES = 10;
/** numpy aligns the data to so many bytes. */
const ALIGNMENT = 64;
/** How numpy names float32 in the order of this machine, and in the other one. */
const LITTLE = ['<f4', 'f4', '=f4', 'float32'];
const BIG = '>f4';
const FIELDS = ['descr', 'fortran_order', 'shape'];

/** The bytes of a .npy file: format 1.0, little-endian, C order. */
export function formatNpy({ shape, data }: FloatArray): Buffer {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const fields = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  const length = Math.ceil((PREAMBLE_BYTES + fields.length + 1) / ALIGNMENT) * ALIGNMENT - PREAMBLE_BYTES;
  const head = Buffer.alloc(2);
  head.writeUInt16LE(length);
  const header = Buffer.from(`${fields.padEnd(length - 1)}\n`, 'latin1');
  const values = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat([MAGIC, VERSION_1, head, header, values]);
}

/**
 * Reads a .npy file of float32.
 * @throws Error naming the file and what differs, as of parseNpy
 */
export async function readNpy(file: string): Promise<FloatArray> {
  const bytes = await readFile(file);
  try {
    return parseNpy(bytes);
  } catch (cause) {
    throw new Error(`${file} ${errorMessage(cause)}`, { cause });
  }
}

/**
 * Reads a .npy of float32 as numpy does: versions 1 to 3, either byte order, C and Fortran order.
 * @throws Error saying what differs: no header, another type, or a length that does not fit the shape
 */
export function parseNpy(bytes: Buffer): FloatArray {
  const { begin, text } = headerOf(bytes);
  const { shape, isBig, isFortran } = fieldsOf(text);
  const count = shape.reduce((product, size) => product * size, 1);
  if (bytes.length - begin !== count * Float32Array.BYTES_PER_ELEMENT)
    throw new Error(
      `holds ${(bytes.length - begin) / 4} floats, its shape (${shape.join(', ')}) says ${count}`,
    );
  // Copied, as a Float32Array needs an offset that is a multiple of 4.
  const data = new Float32Array(count);
  const copy = Buffer.from(data.buffer);
  bytes.copy(copy, 0, begin);
  if (isBig) copy.swap32();
  return { shape, data: isFortran ? inCOrder(data, shape) : data };
}

function headerOf(bytes: Buffer): { readonly begin: number; readonly text: string } {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC.subarray(0, bytes.length)) || bytes.length === 0)
    throw new Error('is not a .npy: it does not begin with \\x93NUMPY');
  if (bytes.length < PREAMBLE_BYTES)
    throw new Error(`is cut off: ${bytes.length} bytes, shorter than a header`);
  const [major = 0, minor = 0] = bytes.subarray(MAGIC.length);
  if (![1, 2, 3].includes(major) || minor !== 0)
    throw new Error(`is a .npy of version ${major}.${minor}; 1.0, 2.0 and 3.0 can be read`);
  const lengthAt = MAGIC.length + VERSION_1.length;
  const textAt = lengthAt + (major === 1 ? 2 : 4);
  const length = bytes.length < textAt ? Infinity : bytes.readUIntLE(lengthAt, textAt - lengthAt);
  const begin = textAt + length;
  if (begin > bytes.length)
    throw new Error(`is cut off: ${bytes.length} bytes, shorter than a header of ${begin}`);
  return { begin, text: bytes.toString(major === 3 ? 'utf8' : 'latin1', textAt, begin) };
}

function fieldsOf(text: string) {
  const header = literalOf(text);
  const names: unknown[] = header instanceof Map ? [...header.keys()] : [];
  if (
    !(header instanceof Map) ||
    names.length !== FIELDS.length ||
    !FIELDS.every((name) => names.includes(name))
  )
    throw new Error(`has a header with ${names.join(', ') || 'no fields'}, not ${FIELDS.join(', ')}`);
  const [descr, fortran, shape] = FIELDS.map((name) => header.get(name) as PythonValue);
  if (typeof descr !== 'string' || (descr !== BIG && !LITTLE.includes(descr)))
    throw new Error(
      `does not hold little-endian float32, nor big-endian: its descr is ${typeof descr === 'string' ? `'${descr}'` : 'that of a structure'}; ` +
        "write it with numpy's astype('<f4')",
    );
  if (typeof fortran !== 'boolean') throw new Error('has a fortran_order that is neither True nor False');
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw new Error('has a shape that is no tuple of whole numbers');
  return { shape: shape as readonly number[], isBig: descr === BIG, isFortran: fortran };
}

function literalOf(text: string): PythonValue {
  try {
    return parsePythonLiteral(text);
  } catch (cause) {
    throw new Error(`has a header that ${errorMessage(cause)}`, { cause });
  }
}

/** Of values whose first index runs fastest, those whose last one does. */
function inCOrder(values: Float32Array, shape: readonly number[]): Float32Array<ArrayBuffer> {
  const turned = new Float32Array(values.length);
  const index = shape.map(() => 0);
  for (const value of values) {
    turned[index.reduce((at, i, axis) => at * (shape[axis] ?? 1) + i, 0)] = value;
    for (let axis = 0; axis < shape.length; axis++) {
      index[axis] = ((index[axis] ?? 0) + 1) % (shape[axis] ?? 1);
      if (index[axis] !== 0) break;
    }
  }
  return turned;
}
