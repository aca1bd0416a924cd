import { open, stat } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

/** Bytes that are read at once, at most. */
const BLOCK = 4 * 1024 * 1024;
const LINE_END = 0x0a;

export interface Follower {
  /** Bytes of the log that were handed on. */
  readonly offset: number;
  /** Reads what is there now. Resolves when each line was handed on. */
  catchUp(): Promise<void>;
  /** Reads on every `everyMs` until the signal; a failure is reported and tried again. */
  follow(everyMs: number, signal: AbortSignal, onFault: (error: unknown) => void): Promise<void>;
}

/**
 * Reads the lines of a log that grows, from a byte offset on. A line counts once it has its end: what is behind the
 * last one is still being written. A log that is not there yet is empty. Lines are handed on as bytes: who decodes one
 * that is not UTF-8 passes it over alone.
 * @throws Error (from catchUp) if the offset is beyond the log's end or not at the begin of a line: it is another log
 */
export function followLog(
  file: string,
  fromOffset: number,
  onLine: (line: Buffer) => Promise<void>,
): Follower {
  let offset = fromOffset;
  let checked = false;

  async function readBlock(): Promise<boolean> {
    // A lane asks ten times a second, mostly for nothing: no buffer then, or the collector works for that alone.
    const size = await sizeOf(file, offset);
    if (checked && size === offset) return false;
    if (size === 0 && offset === 0) return false;
    const handle = await open(file);
    try {
      if (!checked || size < offset) await checkBegin(handle, file, offset);
      checked = true;
      const length = Math.min(size - offset, BLOCK);
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, offset);
      const end = buffer.subarray(0, bytesRead).lastIndexOf(LINE_END) + 1;
      if (end === 0 && bytesRead === BLOCK) throw new Error(`${file}: the line at byte ${offset} has no end`);
      let begin = 0;
      while (begin < end) {
        const next = buffer.indexOf(LINE_END, begin);
        await onLine(buffer.subarray(begin, next));
        offset += next + 1 - begin;
        begin = next + 1;
      }
      return end > 0;
    } finally {
      await handle.close();
    }
  }

  const follower: Follower = {
    get offset() {
      return offset;
    },
    async catchUp() {
      let more = true;
      while (more) more = await readBlock();
    },
    async follow(everyMs, signal, onFault) {
      while (!signal.aborted) {
        await follower.catchUp().catch(onFault);
        await pause(everyMs, undefined, { signal }).catch(() => {});
      }
    },
  };
  return follower;
}

async function sizeOf(file: string, offset: number): Promise<number> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' && offset === 0) return null;
    throw error;
  });
  return found?.size ?? 0;
}

async function checkBegin(
  handle: Awaited<ReturnType<typeof open>>,
  file: string,
  offset: number,
): Promise<void> {
  if (offset === 0) return;
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(1), 0, 1, offset - 1);
  if (bytesRead === 1 && buffer[0] === LINE_END) return;
  throw new Error(
    `${file} has no line that begins at byte ${offset}: it is not the log this release was built on`,
  );
}
