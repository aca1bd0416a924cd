import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { JsonTextError, parseJsonText } from './json.ts';
import { decodeUtf8, NotUtf8Error } from './utf8.ts';

const LINE_END = 0x0a;
const RETURN = 0x0d;
/** A chunk with a vector as text has some tens of kilobytes. What is longer is another kind of file. */
const LONGEST_LINE = 16 * 2 ** 20;

/** What is wrong with a line of a file. */
export class LineError extends Error {
  readonly number: number;
  /** Without file and line. */
  readonly reason: string;

  constructor(file: string, number: number, reason: string, options?: ErrorOptions) {
    super(`${file}:${number}: ${reason}`, options);
    this.name = 'LineError';
    this.number = number;
    this.reason = reason;
  }
}

/** A line of a file, without its end (\n or \r\n). It is decoded when its text is asked for. */
export class Line {
  /** From 1. */
  readonly number: number;
  private readonly file: string;
  /** Where it begins in the file. */
  private readonly byte: number;
  private readonly bytes: Buffer;

  constructor(file: string, number: number, byte: number, bytes: Buffer) {
    this.file = file;
    this.number = number;
    this.byte = byte;
    this.bytes = bytes;
  }

  /** Without a byte-order mark at its start. @throws LineError naming the byte of the file that is not UTF-8 */
  get text(): string {
    try {
      return decodeUtf8(this.bytes);
    } catch (error) {
      if (!(error instanceof NotUtf8Error)) throw error;
      throw this.error(`byte ${this.byte + error.byte} of the file: ${error.reason}`, error);
    }
  }

  get isBlank(): boolean {
    return this.text.trim() === '';
  }

  /** @throws LineError as of `text`, for what is no JSON, and for a field with half of a surrogate pair */
  json(): unknown {
    const { text } = this;
    try {
      return parseJsonText(text);
    } catch (cause) {
      throw this.error(cause instanceof JsonTextError ? cause.message : 'is not JSON', cause);
    }
  }

  error(reason: string, cause?: unknown): LineError {
    return new LineError(this.file, this.number, reason, { cause });
  }
}

/**
 * Lines of a file, or of what a process writes, as they are read; `name` is the file, or says whose lines they are. A line ends with \n or \r\n and with nothing else: U+2028 is text. What is behind the
 * last line end is a line too, unless it is empty.
 * @throws LineError for a line of over 16 MiB; what the file system throws
 */
export async function* readLines(
  name: string,
  blocks: AsyncIterable<Buffer> = createReadStream(name),
): AsyncGenerator<Line> {
  const cutter = new LineCutter(name);
  for await (const block of blocks) yield* cutter.cut(block);
  yield* cutter.end();
}

/** The same of a file's bytes. */
export function* linesOf(bytes: Buffer, file: string): Generator<Line> {
  const cutter = new LineCutter(file);
  yield* cutter.cut(bytes);
  yield* cutter.end();
}

class LineCutter {
  private readonly file: string;
  private number = 0;
  private byte = 0;
  private begun: Buffer[] = [];
  private length = 0;

  constructor(file: string) {
    this.file = file;
  }

  *cut(block: Buffer): Generator<Line> {
    let begin = 0;
    for (let end = block.indexOf(LINE_END); end !== -1; end = block.indexOf(LINE_END, begin)) {
      this.keep(block.subarray(begin, end));
      yield this.line(1);
      begin = end + 1;
    }
    this.keep(block.subarray(begin));
  }

  *end(): Generator<Line> {
    if (this.length > 0) yield this.line(0);
  }

  private keep(part: Buffer): void {
    this.begun.push(part);
    this.length += part.length;
    if (this.length > LONGEST_LINE)
      throw new LineError(
        this.file,
        this.number + 1,
        `the line at byte ${this.byte} is longer than ${LONGEST_LINE} bytes; one JSON object a line is expected`,
      );
  }

  private line(endLength: number): Line {
    const [only = Buffer.alloc(0)] = this.begun;
    const whole = this.begun.length === 1 ? only : Buffer.concat(this.begun);
    const bytes = endLength > 0 && whole.at(-1) === RETURN ? whole.subarray(0, -1) : whole;
    const line = new Line(this.file, ++this.number, this.byte, bytes);
    this.byte += whole.length + endLength;
    this.begun = [];
    this.length = 0;
    return line;
  }
}

/** Calls back for each line that a process writes, and for what is behind the last line end once it stops. */
export function onLines(stream: Readable, onLine: (line: string) => void): void {
  let begun = '';
  stream
    .setEncoding('utf8')
    .on('data', (text: string) => {
      const lines = `${begun}${text}`.split('\n');
      begun = lines.pop() ?? '';
      for (const line of lines) onLine(line.replace(/\r$/, ''));
    })
    .once('end', () => {
      if (begun !== '') onLine(begun);
    });
}
