import type { Follower } from '../../retrieval/ingest/follow.ts';
import { followLog } from '../../retrieval/ingest/follow.ts';
import { parseRecord } from '../../retrieval/ingest/record.ts';
import type { Pipeline } from '../../retrieval/pipeline.ts';

/** How a chunk becomes searchable within a second: often enough, and a look at a file's size costs nothing. */
const EVERY_MS = 100;

interface Applied {
  put: number;
  removed: number;
  /** Records that this release cannot take, and lines that are none. */
  skipped: number;
}

export interface Ingest {
  readonly applied: Readonly<Applied>;
  /** Bytes of the log that were applied or skipped. */
  readonly offset: number;
  close(): Promise<void>;
}

/**
 * Applies the ingest log to a lane from the release's offset on, and follows it. Resolves when all that is there now is
 * applied. A record that cannot be applied is reported and skipped: it must not block the ones behind it.
 * @throws Error if the log is not the one the release was built on
 */
export async function startIngest(
  pipeline: Pipeline,
  file: string,
  onFault: (error: unknown, text: string) => void,
): Promise<Ingest> {
  const applied: Applied = { put: 0, removed: 0, skipped: 0 };
  const follower: Follower = followLog(file, pipeline.manifest.ingestOffset, async (line) => {
    try {
      const record = parseRecord(line);
      await pipeline.apply(record);
      applied[record.op === 'put' ? 'put' : 'removed']++;
    } catch (error) {
      applied.skipped++;
      onFault(error, `a record of ${file} at byte ${follower.offset} was passed over`);
    }
  });
  await follower.catchUp();
  const ended = new AbortController();
  const following = follower.follow(EVERY_MS, ended.signal, (error) =>
    onFault(error, `${file} cannot be read`),
  );
  return {
    applied,
    get offset() {
      return follower.offset;
    },
    async close() {
      ended.abort();
      await following;
    },
  };
}
