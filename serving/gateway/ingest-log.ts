import type { FileHandle } from 'node:fs/promises';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { IngestRecord } from '../../retrieval/ingest/record.ts';

const LINE_END = 0x0a;
const BLOCK = 64 * 1024;

/** The log of chunks that came and went: lanes read it, the gateway alone writes it. */
export interface IngestLog {
  /**
   * Appends a record. Resolves with the log's length in bytes once the record is on the disk: kill -9 and a loss of
   * power lose nothing behind a resolved append. Rejects with what the disk said; the record is not in the log then.
   */
  append(record: IngestRecord): Promise<number>;
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
 * Opens the log, and makes it where there is none. What a killed gateway wrote behind the last line end was never
 * acknowledged, and is cut off. Appends that come while one is being synced share the next sync.
 */
export async function openIngestLog(file: string): Promise<IngestLog> {
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
    append: (record) =>
      new Promise((resolve, reject) => {
        waiting.push({ line: `${JSON.stringify(record)}\n`, resolve, reject });
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

/** The log, opened at once. Searching does not need it: a failure to open is reported, and each append tries again. */
export async function keepIngestLog(file: string, onFault: (error: unknown) => void): Promise<IngestLog> {
  let log: Promise<IngestLog> | null = null;
  const opened = () =>
    (log ??= openIngestLog(file).catch((error: unknown) => {
      log = null;
      throw error;
    }));
  await opened().catch(onFault);
  return {
    append: async (record) => (await opened()).append(record),
    bytes: async () => (await opened()).bytes(),
    close: async () => (await log?.catch(() => null))?.close(),
  };
}

/** Bytes up to and with the last line end. */
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
