import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, readFile, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Line } from './text/lines.ts';
import { linesOf } from './text/lines.ts';

const LINE_END = 0x0a;
const BLOCK = 64 * 1024;

/** What a log holds. */
export interface LogText {
  readonly lines: readonly Line[];
  /** Bytes up to and with the last line end; what a death cut short lies behind them. */
  readonly bytes: number;
  /** Of a whole file: `bytes`, and what is behind them. */
  readonly size: number;
}

/** The whole lines of a log; of a file that is not there, none. @throws what the disk said */
export async function readLog(file: string): Promise<LogText> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
  const end = bytes.lastIndexOf(LINE_END) + 1;
  return { lines: [...linesOf(bytes.subarray(0, end), file)], bytes: end, size: bytes.length };
}

/**
 * Cuts off what a death left behind the last line end: it was never acknowledged, and its writer's retry brings it again.
 * Behind it, the next line would be lost.
 */
export async function cutTornLine(file: string, { bytes, size }: LogText): Promise<void> {
  if (bytes < size) await truncate(file, bytes);
}

/**
 * Appends text of whole lines, in one write that is on the disk when this resolves; makes file and folder where there are none.
 * A torn line is ended first, so that it cannot swallow the next one.
 * @returns the bytes that were appended
 * @throws what the disk said
 */
export async function appendSynced(file: string, text: string): Promise<number> {
  await mkdir(dirname(file), { recursive: true });
  const handle = await open(file, 'a+');
  try {
    const bytes = Buffer.from(`${(await isTorn(handle)) ? '\n' : ''}${text}`);
    await handle.appendFile(bytes);
    await handle.datasync();
    return bytes.length;
  } finally {
    await handle.close();
  }
}

async function isTorn(handle: FileHandle): Promise<boolean> {
  const { size } = await handle.stat();
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
  return bytesRead === 1 && buffer[0] !== LINE_END;
}

/** A log that one process alone writes, and keeps open. */
export interface AppendLog {
  /**
   * Appends a value as a line of JSON. Resolves with the log's length in bytes once the line is on the disk: kill -9 and a loss
   * of power lose nothing behind a resolved append. Rejects with what the disk said; the line is not in the log then.
   */
  append(value: object): Promise<number>;
  /** Its length in bytes, as far as it was acknowledged. */
  bytes(): Promise<number>;
  close(): Promise<void>;
}

interface Waiting {
  readonly line: string;
  readonly resolve: (offset: number) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Opens the log, and makes it where there is none; a torn line is cut off. Appends that come while one is being synced share
 * the next sync.
 */
export async function openAppendLog(file: string): Promise<AppendLog> {
  await mkdir(dirname(file), { recursive: true });
  const handle = await open(file, 'a+');
  let size = await lengthOfLines(handle);
  await handle.truncate(size);
  await syncFolder(dirname(file));
  const waiting: Waiting[] = [];
  let writing: Promise<void> | null = null;

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.splice(0);
      const bytes = Buffer.from(batch.map(({ line }) => line).join(''));
      try {
        await handle.appendFile(bytes);
        await handle.datasync();
        size += bytes.length;
        for (const { resolve } of batch) resolve(size);
      } catch (error) {
        // Half a line would swallow the next one.
        await handle.truncate(size).catch(() => {});
        for (const { reject } of batch) reject(error);
      }
    }
  }

  return {
    append: (value) =>
      new Promise((resolve, reject) => {
        waiting.push({ line: `${JSON.stringify(value)}\n`, resolve, reject });
        writing ??= writeAll().finally(() => {
          writing = null;
        });
      }),
    bytes: async () => size,
    async close() {
      await writing;
      await handle.close();
    },
  };
}

/** Bytes up to and with the last line end, of a log that may be too long to be read whole. */
async function lengthOfLines(handle: FileHandle): Promise<number> {
  const block = Buffer.alloc(BLOCK);
  let { size: end } = await handle.stat();
  while (end > 0) {
    const begin = Math.max(0, end - BLOCK);
    const { bytesRead } = await handle.read(block, 0, end - begin, begin);
    const at = block.subarray(0, bytesRead).lastIndexOf(LINE_END);
    if (at >= 0) return begin + at + 1;
    end = begin;
  }
  return 0;
}

/** A new file's name is on the disk only once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}
