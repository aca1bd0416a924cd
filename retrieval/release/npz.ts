import { readFile } from 'node:fs/promises';
import { crc32, inflateRawSync } from 'node:zlib';
import type { FloatArray } from './npy.ts';
import { parseNpy } from './npy.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

/** Records of a zip file (PKWARE APPNOTE 4.3): their fixed lengths, and a signature. */
const END_BYTES = 22;
const ENTRY = { signature: 0x02014b50, bytes: 46 };
const LOCAL_BYTES = 30;
const LOCAL_SIGNATURE = 0x04034b50;
/** A bit of an entry's flags. */
const ENCRYPTED = 1;
const STORED = 0;
const DEFLATED = 8;
/** A size or place of this value is kept elsewhere: zip64, for 4 GB and more. */
const ELSEWHERE = 0xffffffff;

/**
 * Reads an array of a .npz file.
 * @throws Error naming the file and what is wrong, as of parseNpz
 */
export async function readNpz(file: string, name?: string): Promise<FloatArray> {
  const bytes = await readFile(file);
  try {
    return parseNpz(bytes, name);
  } catch (cause) {
    throw new Error(`${file} ${errorMessage(cause)}`, { cause });
  }
}

/**
 * The float32 array of a .npz, as `np.savez` and `np.savez_compressed` write it; by its name where there are several.
 * @throws Error saying what it holds instead, or which member is damaged: each is held against its CRC-32
 */
function parseNpz(bytes: Buffer, name?: string): FloatArray {
  const entries = entriesOf(bytes);
  const wanted = name === undefined ? [...entries.keys()] : [`${name}.npy`];
  const [only = ''] = wanted;
  const entry = wanted.length === 1 ? entries.get(only) : undefined;
  if (entry === undefined)
    throw new Error(`holds ${[...entries.keys()].join(', ') || 'nothing'}; one array has to be named`);
  try {
    return parseNpy(contentOf(bytes, entry));
  } catch (cause) {
    throw new Error(`has the member ${only}, which ${errorMessage(cause)}`, { cause });
  }
}

interface Entry {
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly size: number;
  readonly wholeSize: number;
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
      flags: bytes.readUInt16LE(at + 8),
      method: bytes.readUInt16LE(at + 10),
      crc: bytes.readUInt32LE(at + 16),
      size: bytes.readUInt32LE(at + 20),
      wholeSize: bytes.readUInt32LE(at + 24),
      at: bytes.readUInt32LE(at + 42),
    });
    at += ENTRY.bytes + nameBytes + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return entries;
}

/** A member's bytes, as long as the directory says and of its checksum. */
function contentOf(bytes: Buffer, entry: Entry): Buffer {
  const content = unpacked(bytes, entry);
  const found = crc32(content);
  if (content.length === entry.wholeSize && found === entry.crc) return content;
  const hex = (value: number) => value.toString(16).padStart(8, '0');
  throw new Error(
    `is damaged: ${content.length} bytes of CRC-32 ${hex(found)}, the directory says ` +
      `${entry.wholeSize} of ${hex(entry.crc)}; copy or write the file again`,
  );
}

function unpacked(bytes: Buffer, { flags, method, size, wholeSize, at }: Entry): Buffer {
  if ([size, wholeSize, at].includes(ELSEWHERE)) throw new Error('is larger than 4 GB, or says so');
  if (at + LOCAL_BYTES > bytes.length || bytes.readUInt32LE(at) !== LOCAL_SIGNATURE)
    throw new Error('is damaged: it does not begin where the directory says');
  if ((flags & ENCRYPTED) !== 0) throw new Error('is encrypted');
  const begin = at + LOCAL_BYTES + bytes.readUInt16LE(at + 26) + bytes.readUInt16LE(at + 28);
  const content = bytes.subarray(begin, begin + size);
  if (method === STORED) return content;
  if (method !== DEFLATED) throw new Error(`is compressed by method ${method}; numpy stores or deflates`);
  try {
    // One byte more than is promised shows that it is too long.
    return inflateRawSync(content, { maxOutputLength: wholeSize + 1 });
  } catch (cause) {
    throw new Error('is damaged: it cannot be inflated; copy or write the file again', { cause });
  }
}
