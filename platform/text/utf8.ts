import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';

const MARK = Buffer.from('\ufeff');
const REPLACEMENT = Buffer.from('\ufffd');

/** Bytes that are no text. `byte`: the place of the first wrong one, from 0; of a cut character, of its first byte. */
export class NotUtf8Error extends Error {
  readonly byte: number;
  /** What is wrong and what to do, without the place. */
  readonly reason: string;

  constructor(bytes: Buffer, byte: number) {
    const wrong = `0x${(bytes[byte] ?? 0).toString(16).padStart(2, '0')}`;
    const reason = `${wrong} is not UTF-8; write the text as UTF-8`;
    super(`byte ${byte}: ${reason}`);
    this.name = 'NotUtf8Error';
    this.byte = byte;
    this.reason = reason;
  }
}

/**
 * The text of UTF-8 bytes, without the byte-order marks at its start: more than one where files were put together.
 * @throws NotUtf8Error; no byte is ever replaced
 */
export function decodeUtf8(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new NotUtf8Error(bytes, firstWrong(bytes));
  let begin = 0;
  while (bytes.indexOf(MARK, begin) === begin) begin += MARK.length;
  return bytes.toString('utf8', begin);
}

/**
 * A text file, decoded.
 * @throws Error naming file, line and byte of what is not UTF-8; what readFile throws
 */
export async function readText(file: string): Promise<string> {
  return textOf(await readFile(file), file);
}

/** The text of a file's bytes, with readText's error; `name` says whose they are. */
export function textOf(bytes: Buffer, name: string): string {
  try {
    return decodeUtf8(bytes);
  } catch (error) {
    if (!(error instanceof NotUtf8Error)) throw error;
    const line = bytes.subarray(0, error.byte).toString('latin1').split('\n').length;
    throw new Error(`${name}:${line}: ${error.message}`, { cause: error });
  }
}

/** A lenient decoder replaces the first wrong byte by U+FFFD, and all before it are right. */
function firstWrong(bytes: Buffer): number {
  const text = bytes.toString('utf8');
  let byte = 0;
  let from = 0;
  for (;;) {
    const at = text.indexOf('\ufffd', from);
    byte += Buffer.byteLength(text.slice(from, at === -1 ? undefined : at));
    if (at === -1 || bytes.indexOf(REPLACEMENT, byte) !== byte) return byte;
    byte += REPLACEMENT.length;
    from = at + 1;
  }
}
