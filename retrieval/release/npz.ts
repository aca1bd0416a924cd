import { inflateRawSync } from 'node:zlib';
import type { FloatArray } from './npy.ts';
import { parseNpy } from './npy.ts';

/** Records of a zip file (PKWARE APPNOTE 4.3): their fixed lengths, and a signature. */
const END_BYTES = 22;
const ENTRY = { signature: 0x02014b50, bytes: 46 };
const LOCAL_BYTES = 30;
const STORED = 0;
const DEFLATED = 8;
/** A size or place of this value is kept elsewhere: zip64, for 4 GB and more. */
const ELSEWHERE = 0xffffffff;

/**
 * The float32 array of a .npz, as `np.savez` and `np.savez_compressed` write it; by its name where there are several.
 * @throws Error saying what it holds instead
 */
export function parseNpz(bytes: Buffer, name?: string): FloatArray {
  const entries = entriesOf(bytes);
  const wanted = name === undefined ? [...entries.keys()] : [`${name}.npy`];
  const [only = ''] = wanted;
  const entry = wanted.length === 1 ? entries.get(only) : undefined;
  if (entry === undefined)
    throw new Error(`holds ${[...entries.keys()].join(', ') || 'nothing'}; one array has to be named`);
  return parseNpy(contentOf(bytes, entry));
}

interface Entry {
  readonly method: number;
  readonly size: number;
  readonly at: number;
}

function entriesOf(bytes: Buffer): Map<string, Entry> {
  const end = bytes.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end === -1 || end + END_BYTES > bytes.length) throw new Error('is not a .npz, or is cut off');
  const entries = new Map<string, Entry>();
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
    if (at + ENTRY.bytes > bytes.length || bytes.readUInt32LE(at) !== ENTRY.signature)
      throw new Error('has a damaged directory, or is larger than 4 GB');
    const nameBytes = bytes.readUInt16LE(at + 28);
    const name = bytes.toString('utf8', at + ENTRY.bytes, at + ENTRY.bytes + nameBytes);
    entries.set(name, {
      method: bytes.readUInt16LE(at + 10),
      size: bytes.readUInt32LE(at + 20),
      at: bytes.readUInt32LE(at + 42),
    });
    at += ENTRY.bytes + nameBytes + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return entries;
}

function contentOf(bytes: Buffer, { method, size, at }: Entry): Buffer {
  if (size === ELSEWHERE || at === ELSEWHERE || at + LOCAL_BYTES > bytes.length)
    throw new Error('is damaged, or larger than 4 GB');
  const begin = at + LOCAL_BYTES + bytes.readUInt16LE(at + 26) + bytes.readUInt16LE(at + 28);
  const content = bytes.subarray(begin, begin + size);
  if (method === STORED) return content;
  if (method === DEFLATED) return inflateRawSync(content);
  throw new Error(`is compressed by method ${method}`);
}
